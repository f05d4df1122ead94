/** What is open of a run's tool sources in this process, and the tools that they brought. */
import type { OpenedSource, ToolSource } from "../ports/tool-source.ts";
import type { Tool } from "../ports/tools.ts";

type Toolbox = ReadonlyMap<string, Tool>;

export class SourceDesk {
  /** Code, by name. */
  readonly code: ReadonlyMap<string, ToolSource>;
  readonly open: Map<string, OpenedSource> = new Map();
  /** Until the last opening of each has come back, so that what it brings late is closed. Never rejects. */
  readonly opening: Map<string, Promise<unknown>> = new Map();
  /** What is still being opened is closed as soon as it is there. */
  readonly closed: Set<string> = new Set();
  #brought: Toolbox = new Map();
  #beside: Toolbox | undefined;
  #toolbox: Toolbox | undefined;

  constructor(code: ReadonlyMap<string, ToolSource>) {
    this.code = code;
  }

  /** Tools of a source take the place of those it had. */
  bring(tools: readonly Tool[], before: readonly string[]): void {
    const brought = new Map(this.#brought);
    for (const name of before) brought.delete(name);
    for (const tool of tools) brought.set(tool.name, tool);
    this.#brought = brought;
    this.#beside = undefined;
  }

  /** The agent's own tools, or those of its phase, and what the sources brought. */
  toolsBeside(own: Toolbox): Toolbox {
    if (this.#beside !== own || this.#toolbox === undefined) {
      this.#beside = own;
      this.#toolbox = new Map([...own, ...this.#brought]);
    }
    return this.#toolbox;
  }

  /** Whoever takes it closes it. */
  take(name: string): OpenedSource | undefined {
    const opened = this.open.get(name);
    this.closed.add(name);
    this.open.delete(name);
    return opened;
  }
}
