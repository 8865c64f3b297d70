/**
 * The items of a stream, over as many connections as it takes.
 *
 * R1. A lost connection is made again behind the last item that was handed out, and before the first one where the server
 *     has said that the stream begins, so none is missed and none comes twice; the first connection is tried like any other
 *     call, so that a wrong address is told soon.
 * R2. A refusal of the server ends the stream with that error; only what may pass (lost connection, 503) is tried again.
 * R3. A connection on which nothing comes, not even the sign of life that servers send, is lost. Time in which the reader
 *     does not ask does not count.
 * R4. Tries are counted until an item comes, or a sign of life on a connection that has stood for a while: a server that
 *     says where the stream begins and hangs up each time is asked less and less often, and given up in the end.
 */
import { mayPass, WindlassError } from "@windlass/kernel";
import { ongoingCall, type Caller, type CallOptions, type OngoingCall } from "./ongoing-call.ts";
import { after } from "./pause.ts";
import { readSse, type SseMessage } from "./read-sse.ts";
import { reached, sendRequest, type Request } from "./send-request.ts";

/** How often in a row a connection is tried again before the stream gives up: about a minute. */
const TRIES_MAX = 15;
const DELAY_MAX_MS = 5_000;
/** Servers say every 15 seconds that they are there. Looked at as often as this, so that silence is noticed after twice as long at most. */
const SILENCE_MS = 40_000;
/** R4: a connection on which something comes after that is a good one, however little there is to say. */
const STOOD_MS = 10_000;

export interface Streaming {
  readonly caller: Caller;
  readonly request: Request;
  readonly options: CallOptions;
}

/** An item, and the position behind which a stream goes on after it. */
export interface StreamedItem {
  readonly position: string;
  readonly item: { readonly type: string };
}

export async function* streamItems(streaming: Streaming): AsyncGenerator<StreamedItem> {
  const { signal } = streaming.options;
  let last = "";
  let connected = false;
  let failures = 0;
  for (;;) {
    let why: unknown = null;
    try {
      const stream = openStream(streaming, {
        last,
        again: connected,
        opened: () => {
          connected = true;
        },
        stood: () => {
          failures = 0;
        },
      });
      for await (const { id, event, data } of stream) {
        last = id;
        if (event === "") continue;
        failures = 0;
        const item = JSON.parse(data) as { readonly type: string };
        yield { position: id, item };
        if (item.type === "end") return;
      }
    } catch (error) {
      if (signal?.aborted === true) return;
      if (!connected || !mayPass(error) || failures >= TRIES_MAX) throw error;
      why = error;
    }
    if (signal?.aborted === true) return;
    if (failures >= TRIES_MAX) throw endless(streaming);
    if (failures === 0) streaming.caller.onLost?.(why);
    failures++;
    await streaming.caller.pause(Math.min(DELAY_MAX_MS, 100 * 2 ** failures), signal);
  }
}

/** What has no error of its own: each connection was ended in order, and none said anything. */
function endless({ caller: { target } }: Streaming): WindlassError {
  return new WindlassError("unreachable", `${target.url} ends the stream again and again before anything comes`);
}

interface Connection {
  /** Position of the last item; empty for none. */
  readonly last: string;
  /** It was open before: the loop above counts the tries. */
  readonly again: boolean;
  readonly opened: () => void;
  /** R4 */
  readonly stood: () => void;
}

async function* openStream(
  { caller, request, options }: Streaming,
  { last, again, opened, stood }: Connection,
): AsyncGenerator<SseMessage> {
  const call = ongoingCall(caller, again ? { ...options, retries: 0 } : options);
  try {
    const headers = last === "" ? {} : { "last-event-id": last };
    const answer = await call.carryOut({ ...request, headers }, (attempt) => sendRequest(caller.target, attempt));
    opened();
    call.opened();
    if (answer.body !== null) yield* messagesOf({ caller, call, stood }, answer.body as AsyncIterable<Uint8Array>);
  } finally {
    call.end();
  }
}

interface Hearing {
  readonly caller: Caller;
  readonly call: OngoingCall;
  readonly stood: () => void;
}

async function* messagesOf({ caller: { target }, call, stood }: Hearing, body: AsyncIterable<Uint8Array>): AsyncGenerator<SseMessage> {
  const ear = listening(new WindlassError("unreachable", `${target.url} has said nothing for too long`), stood);
  const forget = call.ending.onEnd((reason) => ear.giveUp(reason));
  const messages = readSse(ear.heard(body));
  try {
    for (;;) {
      // While the reader did not ask, nobody was told.
      if (call.ending.ended) throw call.ending.reason;
      const next = await reached(target, call, () => ear.whileAsking(messages.next()));
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    forget();
    ear.close();
    // What hangs is not waited for.
    void messages.return(undefined).catch(() => {});
  }
}

/** R3: what is asked for fails when nothing was heard for too long. R4: what is heard late is told. */
function listening(silence: WindlassError, stood: () => void) {
  let [asking, heard] = [false, true];
  let giveUp: (reason: unknown) => void = () => {};
  let cancel = (): void => {};
  const look = (): void => {
    cancel = after(SILENCE_MS, () => {
      if (asking && !heard) return giveUp(silence);
      heard = !asking;
      look();
    });
  };
  look();
  let late = false;
  const cancelLate = after(STOOD_MS, () => {
    late = true;
  });
  return {
    async *heard(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const piece of bytes) {
        heard = true;
        if (late) stood();
        yield piece;
      }
    },
    /** A race with one promise for all of the stream would keep every item until its end. */
    whileAsking<T>(work: Promise<T>): Promise<T> {
      asking = true;
      return new Promise<T>((resolve, reject) => {
        giveUp = reject;
        work.then(resolve, reject);
      }).finally(() => {
        [asking, heard] = [false, true];
      });
    },
    giveUp: (reason: unknown) => giveUp(reason),
    close() {
      cancel();
      cancelLate();
    },
  };
}
