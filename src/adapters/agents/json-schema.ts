/** The frontmatter of an agent file as JSON Schema, for editors. */
import { AGENT_FIELDS } from "./agent-schema.ts";
import type { Part, Shape } from "./shapes.ts";

interface ObjectSchema {
  readonly type: "object";
  readonly description?: string;
  readonly properties: Record<string, object>;
  readonly required?: readonly string[];
  readonly additionalProperties: false;
}

const TIME_PATTERN = "^(\\d+(\\.\\d+)?(ms|[smhd]))+$";

/** Generated from the one schema; published as `executus/agent.schema.json`. */
export function agentFileSchema(): object {
  const root = emptyObject();
  for (const { front = [], shape, about } of AGENT_FIELDS) {
    for (const name of front) {
      const parts = name.split(".");
      const key = parts.pop() ?? "";
      blockAt(root, parts).properties[key] = { description: about, ...toSchema(shape) };
    }
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "The frontmatter of an executus agent file",
    ...root,
  };
}

function emptyObject(): ObjectSchema {
  return { type: "object", properties: {}, additionalProperties: false };
}

function blockAt(root: ObjectSchema, path: readonly string[]): ObjectSchema {
  let block = root;
  for (const key of path) block = (block.properties[key] ??= emptyObject()) as ObjectSchema;
  return block;
}

function toSchema(shape: Shape): object {
  switch (shape.is) {
    case "text":
      return shape.empty === true ? { type: ["string", "null"] } : { type: "string", minLength: 1 };
    case "number":
      return { type: "number" };
    case "time":
      return { type: "string", pattern: TIME_PATTERN };
    case "flag":
      return { type: "boolean" };
    case "choice":
      return { enum: shape.of };
    case "names":
    case "tools":
      return { anyOf: [{ type: ["string", "null"] }, { type: "array", items: { type: "string" } }] };
    case "list":
      return shape.orOne === true ? { anyOf: [toSchema(shape.of), listSchema(shape.of)] } : listSchema(shape.of);
    case "object":
      return objectSchema(shape.fields);
    case "map":
      return { type: "object", additionalProperties: toSchema(shape.of) };
    case "block":
      return { type: "object" };
    case "special":
      return shape.schema;
  }
}

function listSchema(of: Shape): object {
  return { type: "array", items: toSchema(of) };
}

function objectSchema(parts: readonly Part[]): ObjectSchema {
  const nameOf = ({ key, front = key }: Part): string => front;
  const required = parts.filter((part) => part.required === true).map(nameOf);
  const properties = parts.map((part): [string, object] => [nameOf(part), { description: part.about, ...toSchema(part.shape) }]);
  return { ...emptyObject(), properties: Object.fromEntries(properties), ...(required.length === 0 ? {} : { required }) };
}
