/**
 * The items of a stream, over as many connections as it takes.
 *
 * R1. After the first item, a lost connection is made again behind the last item that was handed out, so none is missed
 *     and none comes twice; the first connection is tried once, so that a wrong address is told at once.
 * R2. A refusal of the server ends the stream with that error; only what may pass (lost connection, 503) is tried again.
 */
import { ERRORS, hasCode, isWindlassError } from "@windlass/kernel";
import type { Pause } from "./pause.ts";
import { readSse } from "./read-sse.ts";
import { reached, sendRequest, type Request, type Target } from "./send-request.ts";

/** How often in a row a connection is tried again before the stream gives up: about a minute. */
const TRIES_MAX = 15;
const DELAY_MAX_MS = 5_000;

export interface Streaming {
  readonly target: Target;
  readonly request: Request;
  readonly pause: Pause;
}

export async function* streamItems(streaming: Streaming): AsyncGenerator<{ readonly type: string }> {
  const { request, pause } = streaming;
  const { signal } = request;
  let last = "";
  let connected = false;
  let failures = 0;
  for (;;) {
    try {
      const stream = openStream(streaming, last, () => {
        connected = true;
      });
      for await (const { id, data } of stream) {
        failures = 0;
        last = id;
        const item = JSON.parse(data) as { readonly type: string };
        yield item;
        if (item.type === "end") return;
      }
    } catch (error) {
      if (signal?.aborted === true) return;
      if (!connected || !mayPass(error) || failures >= TRIES_MAX) throw error;
    }
    if (signal?.aborted === true) return;
    failures++;
    await pause(Math.min(DELAY_MAX_MS, 100 * 2 ** failures), signal);
  }
}

async function* openStream(
  { target, request }: Streaming,
  last: string,
  opened: () => void,
): AsyncGenerator<{ readonly id: string; readonly data: string }> {
  const headers = last === "" ? {} : { "last-event-id": last };
  const answer = await sendRequest(target, { ...request, headers });
  opened();
  if (answer.body === null) return;
  const messages = readSse(answer.body as AsyncIterable<Uint8Array>);
  try {
    for (;;) {
      const next = await reached(target, request, () => messages.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await messages.return(undefined);
  }
}

function mayPass(error: unknown): boolean {
  return isWindlassError(error) && ERRORS[error.code].retry && !hasCode(error, "internal");
}
