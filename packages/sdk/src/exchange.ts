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

const builtIn: unknown = globalThis.fetch;
/** By protocol; null where there is none. */
const lines = new Map<string, Line | null>();

export function exchangeBy(given: typeof fetch): Exchange {
  let last = { url: "", address: null as URL | null };
  const addressOf = (url: string): URL => {
    // Most calls go where the one before went.
    if (last.address !== null && last.url === url) return last.address;
    const address = new URL(url);
    last = { url, address };
    return address;
  };
  return async (url, asked) => {
    if (given !== builtIn || isDispatched()) return fetchBy(given, url, asked);
    const address = addressOf(url);
    const line = lines.get(address.protocol) ?? (await openLine(address.protocol));
    if (line === null) return fetchBy(given, url, asked);
    const answer = await overLine(line, address, asked);
    return isRedirect(answer) ? fetchBy(given, url, asked) : answer;
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
  const dispatcher = (globalThis as Readonly<Record<symbol, object | undefined>>)[Symbol.for("undici.globalDispatcher.1")];
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

function overLine({ request, agent }: Line, { hostname, port, pathname, search }: URL, asked: Asked): Promise<Answer> {
  const { method, headers, body, ending } = asked;
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = request(
      {
        agent,
        method,
        host: hostname.startsWith("[") ? hostname.slice(1, -1) : hostname,
        port,
        path: search === "" ? pathname : pathname + search,
        headers: { ...headers, "accept-encoding": "identity" },
      },
      (incoming) => {
        incoming.once("error", fail);
        wholeOf(incoming, (answer) => {
          forget();
          resolve(answer);
        });
      },
    );
    const forget = ending?.onEnd(() => void sent.destroy()) ?? (() => {});
    const fail = (cause: unknown): void => {
      forget();
      reject(new TypeError("the request failed", { cause }));
    };
    sent.on("error", fail);
    sent.end(body);
  });
}

function wholeOf(incoming: IncomingMessage, tell: (answer: Answer) => void): void {
  const pieces: Uint8Array[] = [];
  incoming.on("data", (piece: Uint8Array) => void pieces.push(piece));
  incoming.once("end", () => tell(answerOf(incoming, Buffer.concat(pieces).toString())));
}

function answerOf({ statusCode: status = 0, headers }: IncomingMessage, text: string): Answer {
  return {
    ok: status >= 200 && status < 300,
    status,
    headers: { get: (name) => headers[name]?.toString() ?? null },
    body: null,
    text: async () => text,
    json: async () => JSON.parse(text) as unknown,
  };
}

function isRedirect({ status, headers }: Answer): boolean {
  return status > 300 && status < 400 && headers.get("location") !== null;
}
