/** Answers of an MCP server over HTTP, bounded. That redirects stay with its origin is the client's own rule. */

/** As `fetch`, but a message longer than `most` bytes ends its answer with an error. In a stream of events each is a message. */
export function boundedFetch(most: number): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    if (response.body === null) return response;
    const isStream = (response.headers.get("content-type") ?? "").startsWith("text/event-stream");
    const body = response.body.pipeThrough(bounded(most, isStream));
    const { status, statusText, headers } = response;
    return new Response(body, { status, statusText, headers });
  };
}

const LINE_END = 10;

function bounded(most: number, isStream: boolean): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let bytes = 0;
  return new TransformStream({
    transform: (chunk, controller) => {
      const end = isStream ? lastEventEnd(chunk) : -1;
      bytes = end < 0 ? bytes + chunk.length : chunk.length - end;
      if (bytes > most) controller.error(new Error(`it sent a message of more than ${most} bytes`));
      else controller.enqueue(chunk);
    },
  });
}

/** Where the last event of a piece ends: after an empty line. -1: it goes on. One that is missed between two pieces costs nothing. */
function lastEventEnd(chunk: Uint8Array): number {
  for (let at = chunk.lastIndexOf(LINE_END); at > 0; at = chunk.lastIndexOf(LINE_END, at - 1)) {
    const before = chunk[at - 1] === 13 ? at - 2 : at - 1;
    if (chunk[before] === LINE_END) return at + 1;
  }
  return -1;
}
