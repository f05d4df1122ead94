/** A tool returned a suspension: its call waits from here on. */
import type { CallState } from "../kernel/state.ts";
import type { EventBody } from "../ports/events.ts";
import type { Tool } from "../ports/tools.ts";
import type { Suspension } from "../ports/waiting.ts";
import { toJson } from "./json.ts";
import type { Session } from "./session.ts";
import { waitId } from "./wait-id.ts";

/** Throws, saying what is wrong with it, for a suspension that nothing would ever end as it was meant. */
export function toSuspended(session: Session, tool: Tool, call: CallState, suspension: Suspension): EventBody {
  const id = waitId(session.run, call.id, call.waits);
  const resumes = tool.resume === undefined ? {} : ({ resumes: true } as const);
  const now = session.now().at;
  switch (suspension.type) {
    case "time": {
      const until = "at" in suspension ? suspension.at : now + suspension.inMs;
      if (!Number.isFinite(until)) throw new Error(`it wants to sleep until ${until}`);
      return { type: "tool.suspended", call: call.id, wait: id, until: Math.ceil(until), ...resumes };
    }
    case "event": {
      const { name, deadlineMs } = suspension;
      if (name === "") throw new Error("it wants to wait for an event without a name");
      return { type: "tool.suspended", call: call.id, wait: id, event: name, ...deadline(now, deadlineMs), ...resumes };
    }
    case "question": {
      const { text, choices, deadlineMs, fallback, onDeadline } = suspension;
      if (text === "") throw new Error("its question is empty");
      return {
        type: "question.asked",
        question: id,
        call: call.id,
        text,
        ...(choices === undefined ? {} : { choices }),
        ...deadline(now, deadlineMs),
        ...(fallback === undefined ? {} : { fallback: plain(fallback) }),
        ...(onDeadline === "wait" ? { onDeadline } : {}),
        ...resumes,
      };
    }
  }
}

function deadline(now: number, inMs: number | undefined): { deadlineAt?: number } {
  if (inMs === undefined) return {};
  if (!Number.isFinite(inMs)) throw new Error(`its deadline is ${inMs} ms`);
  return { deadlineAt: Math.ceil(now + inMs) };
}

function plain(value: unknown): Exclude<ReturnType<typeof toJson>, { readonly ok: false }>["value"] {
  const json = toJson(value);
  if (!json.ok) throw new Error(`its fallback is not JSON: ${json.problem}`);
  return json.value;
}
