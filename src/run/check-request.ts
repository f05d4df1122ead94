/** An agent and a request from plain JavaScript, before anything is done with them. */
import { ExecutusError } from "../kernel/errors.ts";
import { bytes, either, listOf, object, objectOf, objectWith, schema, type Shape, checkShapes, text } from "./shapes.ts";
import type { Agent, RunRequest } from "./types.ts";

const named = objectWith("name");
const source = either(text, objectWith("name", "source"));

const AGENT: Readonly<Record<string, Shape>> = {
  instructions: text,
  tools: listOf(either(text, named)),
  delegates: listOf(either(text, named)),
  sources: listOf(source),
  limits: object,
  settings: object,
  permission: object,
  skills: listOf(text),
  mcpServers: listOf(either(text, named)),
  phases: listOf(named),
  polling: listOf(text),
  output: schema,
  toolOptions: object,
};

const REQUEST: Readonly<Record<string, Shape>> = {
  input: either(text, listOf(object)),
  images: listOf(objectOf({ bytes })),
  attachments: listOf(objectOf({ path: text, url: text, bytes, text })),
  history: listOf(object),
  output: schema,
  settings: object,
  labels: object,
  limits: object,
  extraTools: listOf(named),
  sources: listOf(source),
};

/** Throws ExecutusError `agent_invalid`: an agent need not come from `defineAgent`. */
export function checkAgent(agent: Agent): void {
  if (!object.fits(agent) || typeof agent.name !== "string")
    throw new ExecutusError("agent_invalid", "That is not an agent.", { hint: "Give an object with `name` and `instructions`." });
  checkShapes(agent, AGENT, { owner: `agent ${agent.name}`, code: "agent_invalid" });
}

/** Throws ExecutusError `request_invalid`. */
export function checkRequest(request: RunRequest): void {
  if (!object.fits(request))
    throw new ExecutusError("request_invalid", "That is not a request.", { hint: "Give a text, or an object with `input`." });
  checkShapes(request, REQUEST, { owner: "the request", code: "request_invalid" });
}
