/** Delegates port: skills and agents that an agent may hand work to, offered to its model as tools. */
import type { Agent } from "./definition.ts";
import type { Invocation } from "./tools.ts";

/**
 * Instructions with files beside them, loaded in three stages: name and description are in the prompt, the body is read when
 * the model asks for it, files when the body names them.
 */
export interface Skill {
  readonly kind: "skill";
  /** 1 to 64 of `a-z 0-9 -`. */
  readonly name: string;
  readonly description: string;
  /** `child`: a run of its own each time it is called. Default `inline`: its instructions enter the conversation. */
  readonly runs?: "inline" | "child";
  readonly license?: string;
  readonly compatibility?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly allowedTools?: readonly string[];
  /** Where it came from: the path of its file. */
  readonly source?: string;
  /** The instructions, the same each time. Rejects with a text for the model when they cannot be read. */
  body(): Promise<string>;
  /** Files beside the body: `scripts/`, `references/`, `assets/`. Absent: none. */
  readonly files?: SkillFiles;
}

export interface SkillFiles {
  /** Paths relative to the skill's folder. */
  list(): Promise<readonly string[]>;
  /** Lines of a text file from `offset` (1-based) on. Rejects with a text for the model; no path leaves the skill's folder. */
  read(path: string, offset: number): Promise<string>;
}

/** What a palette holds: an agent is known by its instructions, a skill by its kind. */
export type Delegate = Agent | Skill;

export interface Delegates {
  /**
   * The delegates of these names, in that order: `agent__x`, `skill__x`, or `x` where only one of the two is there. An unknown
   * name rejects with `delegate_unknown`, naming the nearest.
   */
  resolve(names: readonly string[], invocation: Invocation): Promise<readonly Delegate[]>;
  /** Names with their prefix, for messages and listings. */
  names(invocation: Invocation): Promise<readonly string[]>;
}
