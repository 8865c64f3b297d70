/**
 * Calls that go from the socket to their operation without the web framework and its `Request` and `Response`, which took a sixth of the
 * event loop's time for a submit (decision 0016, 6). Who asks, what he may and what is answered is decided by the same functions
 * (observe-request.ts, answer-call.ts, respond.ts); only what is read of the socket and written to it is here.
 *
 * D1. Only what says itself plainly: a POST to exactly the path of an operation, no header twice, a body that says how long it is.
 *     Everything else goes the other way, and is read and refused there.
 * D2. The answer is that of the other way, header by header.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { operationList, type Operation } from "@windlass/contract";
import { messageOf, WindlassError } from "@windlass/kernel";
import type { Clock, Logger } from "@windlass/ports";
import type { AnswerCall } from "./answer-call.ts";
import { headersOf } from "./answer-headers.ts";
import type { AskedCall, Noted, PlainAnswer } from "./asked-call.ts";
import type { Observe } from "./observe-request.ts";
import { BROKEN_OFF, type SentBody } from "./read-json.ts";
import type { TracedRequest } from "./request-span.ts";
import { problemAnswer } from "./respond.ts";

/** True: it is being answered. False: it was not touched. */
export type DirectDoor = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean;

export interface DirectDoorParts {
  readonly answers: ReadonlyMap<string, AnswerCall>;
  readonly observe: Observe;
  /** Throws for who may not come in at all. */
  readonly admit: (host: string) => void;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Longer ones go the other way. */
const LENGTH_MAX = 4_194_304;
/** What a host looks like in nearly every request. */
const PLAIN_HOST = /^[a-z0-9._-]+(?::(\d{1,5}))?$/u;
const PORT_MAX = 65_535;
/** Of a body that was refused unread, so long is waited for the rest, as by the framework: then the line is hung up. */
const HANG_UP_MS = 500;
const NO_PARAMS: AskedCall["params"] = {};
const noQueries: AskedCall["queries"] = () => ({});

export function directDoor({ answers, observe, admit, logger, clock }: DirectDoorParts): DirectDoor {
  const byPath = new Map(operationList.filter(isPlain).map(({ id, path }) => [path, answers.get(id) as AnswerCall]));
  const answered = async (asked: AskedCall, work: AnswerCall): Promise<PlainAnswer> => {
    try {
      admit(asked.headers.get("host") ?? "");
      return (await work(asked)) as PlainAnswer;
    } catch (error) {
      return problemAnswer(error, { requestId: asked.noted.requestId, logger });
    }
  };
  return (incoming, outgoing) => {
    const work = incoming.method === "POST" ? byPath.get(incoming.url ?? "") : undefined;
    if (work === undefined || !isPlainlySaid(incoming)) return false;
    const observed = observe(tracedBy(incoming), async (noted) => {
      const answer = await answered(new DirectCall({ incoming, outgoing }, noted), work);
      if (!incoming.complete) hangUp({ incoming, outgoing }, clock);
      write(outgoing, { ...answer, headers: headersOf(noted, answer) });
      return answer.status;
    });
    observed.catch((error: unknown) => {
      logger.error("an answer could not be written", { error: messageOf(error) });
      outgoing.destroy();
    });
    return true;
  };
}

/** Whether an operation may be called this way at all. */
export function isPlain({ method, path, request, response, internal }: Operation): boolean {
  return method === "POST" && request === "json" && response === "json" && !internal && !path.includes("{");
}

/** See D1. Node has one field of each name, and not always with all that was sent under it. */
function isPlainlySaid({ headers, rawHeaders }: IncomingMessage): boolean {
  if (!(Number(headers["content-length"]) <= LENGTH_MAX) || !isPlainHost(headers.host)) return false;
  return Object.keys(headers).length * 2 === rawHeaders.length;
}

function isPlainHost(host = ""): boolean {
  const found = PLAIN_HOST.exec(host);
  return found !== null && Number(found[1] ?? 0) <= PORT_MAX;
}

function tracedBy({ headers, url = "" }: IncomingMessage): TracedRequest {
  return { method: "POST", path: url, header: (name) => textOf(headers[name]) };
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/** One object for the call, its headers and its body: most calls ask for little of what each of them can tell. */
class DirectCall implements AskedCall, SentBody {
  readonly method = "POST";
  readonly params = NO_PARAMS;
  readonly queries = noQueries;
  readonly noted: Noted;
  readonly #exchange: Exchange;

  constructor(exchange: Exchange, noted: Noted) {
    this.#exchange = exchange;
    this.noted = noted;
  }

  get headers(): this {
    return this;
  }

  get(name: string): string | null {
    return textOf(this.#exchange.incoming.headers[name.toLowerCase()]) ?? null;
  }

  get sent(): this {
    return this;
  }

  whole(): Promise<Uint8Array> {
    return wholeOf(this.#exchange.incoming);
  }

  pieces(): AsyncIterable<Uint8Array> {
    return this.#exchange.incoming;
  }

  get address(): string | null {
    return this.#exchange.incoming.socket.remoteAddress ?? null;
  }

  get signal(): AbortSignal {
    return signalOf(this.#exchange.outgoing);
  }
}

function textOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Nothing is told of a stream any more whose caller had hung up before somebody listened, and yet all may have come. */
function wholeOf(incoming: IncomingMessage): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    const over = (): void => {
      if (incoming.complete) pieces.push(...unread(incoming));
      const [first] = pieces;
      // Mostly it is one piece, and need not be copied.
      const whole = pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
      if (whole.length === Number(incoming.headers["content-length"])) resolve(whole);
      else reject(new WindlassError("bad_request", BROKEN_OFF, { cause: incoming.errored }));
    };
    if (incoming.destroyed) return over();
    incoming.on("data", (piece: Buffer) => void pieces.push(piece));
    // Of the two that come, the first one counts; after an error comes a `close`.
    incoming.once("end", over);
    incoming.once("close", over);
    incoming.once("error", ignored);
  });
}

/** It is told by what comes after it. */
const ignored = (): void => {};

function* unread(incoming: IncomingMessage): Generator<Buffer> {
  for (let piece = incoming.read() as Buffer | null; piece !== null; piece = incoming.read() as Buffer | null) yield piece;
}

function signalOf(outgoing: ServerResponse): AbortSignal {
  const controller = new AbortController();
  if (outgoing.destroyed) controller.abort();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) controller.abort();
  });
  return controller.signal;
}

/** Else somebody who sends nothing more would hold the socket, and a server that stops. */
function hangUp({ incoming, outgoing }: Exchange, clock: Clock): void {
  outgoing.once("finish", () => {
    const cancel = clock.after(HANG_UP_MS, () => incoming.socket.destroySoon());
    for (const event of ["end", "close"]) incoming.once(event, cancel);
  });
}

function write(outgoing: ServerResponse, { status, headers, text }: PlainAnswer): void {
  // Its caller has gone.
  if (outgoing.destroyed) return;
  const body = text ?? "";
  outgoing.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  outgoing.end(body);
}
