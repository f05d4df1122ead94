/** What models say instead of arguments. */
import type { JsonValue } from "../ports/json.ts";

export const ANYTHING: readonly JsonValue[] = [null, true, 17, "text", [], {}, [[[]]], { unheardOf: { of: [1, null] } }];
