/**
 * A connection to the server, made again for as long as it is wanted.
 *
 * L1. There is one connection at a time; what comes over an older one is not listened to, nor what has come already over one that is
 *     given up: it may be work of a session that was lost with it.
 * L2. After a loss it is tried again for ever, with growing rests that differ from worker to worker.
 * L3. What the server says out of order ends the connection (frames are numbered).
 */
import { WORKSPACE_HEADER } from "@windlass/contract/routes";
import { frameReader, frameWriter, hostToTell, WORKER_HOST_HEADER, WORKERS_PATH } from "@windlass/contract/worker-connection";
import type { ServerMessage } from "@windlass/contract";
import { backoffDelay, ERRORS, isWindlassError, messageOf, ms, seconds, WindlassError, type Backoff } from "@windlass/kernel";
import type { RawData } from "ws";
import { causeOf, refusalOf } from "./send-request.ts";
import type { Machine } from "./worker-machine.ts";

export interface LinkOptions {
  /** Asked each time: its address may be another one than before. */
  readonly server: () => { readonly url: string; readonly token: string | undefined };
  readonly workspace: string | undefined;
  readonly machine: Machine;
  /** The first message of a connection, as JSON. */
  readonly hello: () => string;
  readonly onMessage: (message: ServerMessage) => void;
  /** The connection has ended, or could not be made; it is tried again. */
  readonly onDown: (down: Down) => void;
  /** It has ended for good. */
  readonly onGone: () => void;
}

export interface Down {
  readonly error: WindlassError;
  /** True when it was welcome before. */
  readonly welcomed: boolean;
  /** The code with which the server closed the connection; null without one. */
  readonly code: number | null;
  /** When it is tried again; null when trying again cannot help by itself. */
  readonly againMs: number;
}

export interface Link {
  /** True between the welcome and the loss of a connection. */
  readonly up: boolean;
  /** Where it is connected to now; empty without a connection. */
  readonly url: string;
  /** Sends messages that are JSON already; nothing while it is not up. */
  say(messages: readonly string[]): void;
  /** Ends this connection, for another one. */
  cut(why: string): void;
  /** The last messages: when the server then ends the connection, it is not made again. */
  part(messages: readonly string[]): void;
  /** Ends it for good. Resolves when nothing is left of it. */
  close(): Promise<void>;
}

const BACKOFF: Backoff = { initial: ms(100), factor: 2, max: seconds(5), jitter: 0.5 };
/** For the connection and the welcome. */
const WELCOME_MS: number = seconds(10);
/** A connection that lasted as long as this was a good one: the next rest is short again. */
const GOOD_MS: number = seconds(5);
/** The largest frame that is taken from the server: one job with the largest input that a server may be set to take. */
const FRAME_BYTES_MAX = 268_435_456;

export function openLink(options: LinkOptions): Link {
  const { machine } = options;
  let wanted = true;
  let failures = 0;
  let current: Connected | null = null;
  let cancelRest = (): void => {};
  const connectAgain = async (): Promise<void> => {
    let welcomedAt: number | null = null;
    let end: Ended;
    try {
      current = await connect(options, () => {
        welcomedAt = machine.monotonic();
      });
      if (!wanted) current.hangUp();
      end = await current.ended;
    } catch (error) {
      end = { code: null, error: isWindlassError(error) ? error : new WindlassError("unreachable", messageOf(error), { cause: error }) };
    }
    current = null;
    if (!wanted) return options.onGone();
    failures = welcomedAt !== null && machine.monotonic() - welcomedAt >= GOOD_MS ? 1 : failures + 1;
    const againMs = backoffDelay(BACKOFF, failures, machine.random());
    cancelRest = machine.after(againMs, () => {
      running = connectAgain();
    });
    options.onDown({ ...end, welcomed: welcomedAt !== null, againMs });
  };
  let running = connectAgain();
  return {
    get up() {
      return current?.welcomed ?? false;
    },
    get url() {
      return current?.url ?? "";
    },
    say(messages) {
      if (current?.welcomed === true) current.write(messages);
    },
    cut(why) {
      current?.cut(why);
    },
    part(messages) {
      wanted = false;
      this.say(messages);
    },
    async close() {
      wanted = false;
      cancelRest();
      current?.hangUp();
      await running;
    },
  };
}

interface Ended {
  readonly code: number | null;
  readonly error: WindlassError;
}

interface Connected {
  readonly url: string;
  readonly welcomed: boolean;
  /** Ends it at once; nothing more of it is heard. */
  readonly hangUp: () => void;
  readonly write: (messages: readonly string[]) => void;
  readonly cut: (why: string) => void;
  readonly ended: Promise<Ended>;
}

async function connect(options: LinkOptions, welcome: () => void): Promise<Connected> {
  const { WebSocket } = await import("ws");
  const { server, workspace, machine } = options;
  const { url, token } = server();
  const socket = new WebSocket(`${url.replace(/^http/u, "ws")}${WORKERS_PATH}`, {
    headers: { ...headersOf(token, workspace), [WORKER_HOST_HEADER]: await hereOf() },
    perMessageDeflate: false,
    handshakeTimeout: WELCOME_MS,
    maxPayload: FRAME_BYTES_MAX,
  });
  const read = frameReader();
  const write = frameWriter((text) => socket.send(text));
  let error: WindlassError | null = null;
  const state = { welcomed: false, isOver: false };
  const hangUp = (): void => {
    Object.assign(state, { welcomed: false, isOver: true });
    socket.terminate();
  };
  const cut = (why: string, cause?: unknown): void => {
    error ??= new WindlassError("unreachable", `the connection to ${url} was cut: ${why}`, { cause });
    hangUp();
  };
  const cancelWelcome = machine.after(WELCOME_MS, () => cut("the server did not say welcome in time"));
  const hear = (message: ServerMessage): void => {
    if (state.isOver) return;
    if (message.type === "fault") error = faultOf(message);
    if (message.type === "welcome") {
      cancelWelcome();
      state.welcomed = true;
      welcome();
    }
    options.onMessage(message);
  };
  const over = new Promise<Ended>((resolve) => {
    socket.on("open", () => write([options.hello()]));
    socket.on("message", (data: RawData) => {
      try {
        for (const message of read((data as Buffer).toString("utf8"))) hear(message as ServerMessage);
      } catch (fault) {
        cut(messageOf(fault), fault);
      }
    });
    socket.on("unexpected-response", (_, answer) => {
      void refused(url, answer).then((refusal) => {
        error = refusal;
        socket.terminate();
      });
    });
    socket.on("error", (fault) => {
      error ??= new WindlassError("unreachable", `no Windlass server answers at ${url} (${causeOf({ cause: fault })})`, { cause: fault });
    });
    socket.on("close", (code, reason) => {
      cancelWelcome();
      state.welcomed = false;
      resolve({ code, error: error ?? ended(url, reason.toString("utf8")) });
    });
  });
  return {
    url,
    hangUp,
    get welcomed() {
      return state.welcomed;
    },
    write,
    cut,
    ended: over,
  };
}

function ended(url: string, said: string): WindlassError {
  return new WindlassError("unreachable", `the connection to ${url} ended${said === "" ? "" : `: ${said}`}`);
}

/** For people who look for this worker. Loaded when it connects: a client alone starts without it. */
async function hereOf(): Promise<string> {
  const { hostname } = await import("node:os");
  return hostToTell(hostname(), process.pid);
}

function headersOf(token: string | undefined, workspace: string | undefined): Record<string, string> {
  return {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(workspace === undefined ? {} : { [WORKSPACE_HEADER]: workspace }),
  };
}

/** What a server says that does not let us in. */
async function refused(
  url: string,
  answer: AsyncIterable<Uint8Array> & { readonly statusCode?: number | undefined },
): Promise<WindlassError> {
  let body = "";
  const decoder = new TextDecoder();
  try {
    for await (const piece of answer) body += decoder.decode(piece, { stream: true });
  } catch {
    // What came so far must do: the status tells the rest.
  }
  return refusalOf({ url }, new Response(body, { status: answer.statusCode ?? 500 }));
}

function faultOf({ code, message }: Extract<ServerMessage, { type: "fault" }>): WindlassError {
  return new WindlassError(Object.hasOwn(ERRORS, code) ? (code as keyof typeof ERRORS) : "internal", message);
}
