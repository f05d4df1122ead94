/** executus/audit: watching runs, and asking where one stands. */
export { createConsoleObserver, type ConsoleObserverOptions } from "./adapters/observers/console.ts";
export { createJsonLinesObserver, type JsonLinesOptions } from "./adapters/observers/json-lines.ts";
export { statusTool } from "./adapters/tools/status-tool.ts";
export type { DeltaOrigin, Observer } from "./ports/observer.ts";
