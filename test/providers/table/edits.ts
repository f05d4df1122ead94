/** What is done to an answer on its way: cut, doubled, damaged. */
import type { At, NeutralAnswer, WireEvent, WireFormat } from "./answer.ts";
import type { Reply } from "./server.ts";

/** The answer that a fault is done to: its calls have arguments that no other answer has. */
export const BAD: NeutralAnswer = {
  text: ["Bad ", "answer."],
  calls: [
    { id: "call_x", name: "add", args: ['{"a":90', '1,"b":2}'] },
    { id: "call_y", name: "add", args: ['{"a":90', '2,"b":2}'] },
  ],
  finish: "tool-calls",
  usage: { input: 10, output: 5 },
};

export const GOOD: readonly NeutralAnswer[] = [
  {
    text: ["Adding."],
    calls: [
      { id: "call_a", name: "add", args: ['{"a":1', ',"b":2}'] },
      { id: "call_b", name: "add", args: ['{"a":3', ',"b":4}'] },
    ],
    finish: "tool-calls",
    usage: { input: 10, output: 5 },
  },
  { text: ["Done."], calls: [], finish: "stop", usage: { input: 20, output: 2 } },
];

export type Ask = (format: WireFormat) => Reply;
type Edit = (events: readonly WireEvent[], format: WireFormat) => readonly WireEvent[];

export const toPieces = (events: readonly WireEvent[]): readonly string[] => events.map(({ text }) => `${text}\n\n`);

/** The bad answer, with fields changed. */
export function answers(change: Partial<NeutralAnswer> = {}): Ask {
  return (format) => ({ pieces: toPieces(format.render({ ...BAD, ...change })) });
}

export function edited(edit: Edit, by: "eof" | "reset" | "stall" = "eof"): Ask {
  return (format) => ({ pieces: toPieces(edit(format.render(BAD), format)), by });
}

/** The bytes of the bad answer, changed. */
export function damaged(change: (bytes: string) => string | Buffer): Ask {
  return (format) => ({ pieces: [change(toPieces(format.render(BAD)).join(""))] });
}

/** Where the n-th event of a kind is; formats that have none of it have it in their nearest. */
export function placeOf(events: readonly WireEvent[], at: At, nth = 0): number {
  const nearest: readonly At[] = at === "call" || at === "called" ? [at, "args"] : at === "end" ? [at, "finish"] : [at];
  for (const kind of nearest) {
    const places = events.flatMap((event, i) => (event.at === kind ? [i] : []));
    const place = places[Math.min(nth, places.length - 1)];
    if (place !== undefined) return place;
  }
  return 0;
}

export function cut(at: At, by: "eof" | "reset" | "stall", nth = 0): Ask {
  return edited((events) => events.slice(0, placeOf(events, at, nth)), by);
}

/** Half of the event's bytes, and no more. */
export function cutInside(at: At, by: "eof" | "reset" = "eof"): Ask {
  return (format) => {
    const events = format.render(BAD);
    const place = placeOf(events, at, 1);
    const whole = toPieces(events.slice(0, place));
    const half = events[place]?.text ?? "";
    return { pieces: [...whole, half.slice(0, Math.floor(half.length / 2))], by };
  };
}

export function doubled(at: At): Ask {
  return edited((events) => events.flatMap((event, i) => (i === placeOf(events, at) ? [event, event] : [event])));
}

export function inserted(at: At, text: string | ((format: WireFormat) => string)): Ask {
  return edited((events, format) =>
    events.toSpliced(placeOf(events, at), 0, { at, text: typeof text === "string" ? text : text(format) }),
  );
}

export function refused(status: number, headers: Readonly<Record<string, string>> = {}, type = "server_error"): Ask {
  return (format) => ({
    status,
    headers: { "content-type": "application/json", ...headers },
    pieces: [format.errorBody(`refused with ${status}`, type)],
  });
}

export function body(text: string | Buffer, type = "text/event-stream", status = 200): Ask {
  return () => ({ status, headers: { "content-type": type }, pieces: [text] });
}
