/**
 * A request whose answer comes as a whole, by `node:http`: `fetch` takes four times as much of the processor for it.
 *
 * E1. Whoever has a say about `fetch` is heeded: one that was given to the client, one that was put in place of the
 *     built-in one, a dispatcher of undici. Where there is no `node:http`, `fetch` is used, too.
 * E2. Connections are kept for the next requests, at most CONNECTIONS_MAX for each server, and keep no program alive.
 * E3. What fails looks as it does with `fetch`: a TypeError whose cause says why. A redirect is left to `fetch`.
 */
import type { Ending } from "./ending.ts";
import type { Agent, AgentOptions, ClientRequest, IncomingMessage, request as httpRequest } from "node:http";

/** What is used of a `Response`. */
export interface Answer extends Pick<Response, "ok" | "status" | "text" | "json" | "body"> {
  readonly headers: Pick<Headers, "get">;
}

export interface Asked {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined;
  /** Cuts the request. */
  readonly ending?: Ending | undefined;
}

export type Exchange = (url: string, asked: Asked) => Promise<Answer>;

/** What comes beyond waits for one of them: a server is served better by that than by a thousand connections. */
const CONNECTIONS_MAX = 64;

interface Line {
  readonly request: typeof httpRequest;
  readonly agent: Agent;
}

/** Where a request goes, and over which line. */
interface Way {
  readonly url: string;
  readonly line: Line;
  readonly host: string;
  readonly port: string;
  readonly path: string;
}

const builtIn: unknown = globalThis.fetch;
const DISPATCHER = Symbol.for("undici.globalDispatcher.1");
/** By protocol; null where there is none. */
const lines = new Map<string, Line | null>();

export function exchangeBy(given: typeof fetch): Exchange {
  let last: Way | undefined;
  const findWay = async (url: string): Promise<Way | null> => {
    const { protocol, hostname, port, pathname, search } = new URL(url);
    const line = lines.get(protocol) ?? (await openLine(protocol));
    if (line === null) return null;
    return (last = { url, line, port, host: hostname.startsWith("[") ? hostname.slice(1, -1) : hostname, path: pathname + search });
  };
  return (url, asked) => {
    if (given !== builtIn || isDispatched()) return fetchBy(given, url, asked);
    // Most calls go where the one before went.
    if (last?.url === url) return overLine(given, last, asked);
    return findWay(url).then((way) => (way === null ? fetchBy(given, url, asked) : overLine(given, way, asked)));
  };
}

/** The same by a `fetch`: also of what comes piece by piece. */
export function fetchBy(given: typeof fetch, url: string, { method, headers, body, ending }: Asked): Promise<Response> {
  return given(url, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
    ...(ending === undefined ? {} : { signal: ending.signal }),
  });
}

/** Whether somebody has told undici, and so `fetch`, which way to go: over a proxy, to a mock. Its own one is an `Agent`. */
function isDispatched(): boolean {
  const dispatcher = (globalThis as Readonly<Record<symbol, object | undefined>>)[DISPATCHER];
  return dispatcher !== undefined && dispatcher.constructor.name !== "Agent";
}

async function openLine(protocol: string): Promise<Line | null> {
  try {
    const { request, Agent, globalAgent } = protocol === "https:" ? await import("node:https") : await import("node:http");
    // What was set for all of the program's requests (a proxy, authorities) is for these, too.
    const { options } = globalAgent as Agent & { readonly options: AgentOptions };
    const line = { request, agent: new Agent({ ...options, keepAlive: true, maxSockets: CONNECTIONS_MAX }) };
    lines.set(protocol, lines.get(protocol) ?? line);
  } catch {
    lines.set(protocol, null);
  }
  return lines.get(protocol) ?? null;
}

/** `given`: goes on where the server sends elsewhere. */
function overLine(given: typeof fetch, { url, line, host, port, path }: Way, asked: Asked): Promise<Answer> {
  const { method, headers, body, ending } = asked;
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = line.request(
      { agent: line.agent, method, host, port, path, headers: { ...headers, "accept-encoding": "identity" } },
      (incoming) => {
        incoming.once("error", fail);
        wholeOf(incoming, (text) => {
          forget?.();
          const answer = new WholeAnswer(incoming, text);
          resolve(isRedirect(answer) ? fetchBy(given, url, asked) : answer);
        });
      },
    );
    const forget = ending?.onEnd(() => void sent.destroy());
    const fail = (cause: unknown): void => {
      forget?.();
      reject(new TypeError("the request failed", { cause }));
    };
    sent.on("error", fail);
    sent.end(body);
  });
}

function wholeOf(incoming: IncomingMessage, tell: (text: string) => void): void {
  const pieces: Buffer[] = [];
  incoming.on("data", (piece: Buffer) => void pieces.push(piece));
  incoming.once("end", () => {
    const [first] = pieces;
    // Mostly it is one piece, and need not be copied.
    tell((pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces)).toString());
  });
}

class WholeAnswer implements Answer {
  readonly status: number;
  readonly body = null;
  readonly #incoming: IncomingMessage;
  readonly #text: string;

  constructor(incoming: IncomingMessage, text: string) {
    this.status = incoming.statusCode ?? 0;
    this.#incoming = incoming;
    this.#text = text;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  get headers(): Answer["headers"] {
    return { get: (name) => this.#incoming.headers[name]?.toString() ?? null };
  }

  async text(): Promise<string> {
    return this.#text;
  }

  async json(): Promise<unknown> {
    return JSON.parse(this.#text) as unknown;
  }
}

function isRedirect({ status, headers }: Answer): boolean {
  return status > 300 && status < 400 && headers.get("location") !== null;
}
