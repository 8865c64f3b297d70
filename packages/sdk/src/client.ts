/**
 * The API as functions: `client.jobs.list({ state: ["running"] })`. Made from the table of routes; its types come from the
 * operations. Loads no schema, so it starts at once: what the server answers is taken at its word.
 */
import { ROUTES, type Route } from "@windlass/contract/routes";
import { WindlassError, type Tracing } from "@windlass/kernel";
import type { Calls, Client } from "./client-calls.ts";
import { eachItem, type PageCall } from "./each-item.ts";
import { exchangeBy } from "./exchange.ts";
import { gatherSubmits, type SendSubmit } from "./gather-submits.ts";
import { bodyOf, bytesOf, jsonOf } from "./read-answer.ts";
import { ongoingCall, RETRIES, TIMEOUT_MS, type Caller, type CallOptions } from "./ongoing-call.ts";
import { pause, type Pause } from "./pause.ts";
import type { Request } from "./send-request.ts";
import { streamItems, type StreamedItem } from "./stream-items.ts";
import { submissionOf, type AnyHandlers, type HandlersByName, type SubmitOptions } from "./submit-job.ts";
import { tailLines } from "./tail-lines.ts";
import { waitForJob } from "./wait-for-job.ts";

export interface ClientOptions extends Pick<CallOptions, "timeoutMs" | "retries"> {
  /** Where the server is: `http://127.0.0.1:4180` */
  readonly url: string;
  /** Sent with each request as bearer token. */
  readonly token?: string | undefined;
  /** The only one of the token, or `default`, when left out. */
  readonly workspace?: string | undefined;
  /**
   * Whether submits that are made at the same time go together as one request; true when left out. Each has its own answer,
   * error, key, limit and signal all the same.
   */
  readonly gather?: boolean | undefined;
  /** Instead of the built-in one, e.g. to call a server in this process. */
  readonly fetch?: typeof fetch | undefined;
  /** Sends the span that is active where a call is made, so that the job continues its trace. See `@windlass/opentelemetry`. */
  readonly tracing?: Pick<Tracing, "active"> | undefined;
  /**
   * Called when the connection of a stream is lost and is about to be made again, once until items come again; with why, or null
   * when the server ended it.
   */
  readonly onLost?: ((error: unknown) => void) | undefined;
  /** Instead of a timer, in tests. */
  readonly pause?: Pause | undefined;
}

type Given = Readonly<Record<string, unknown>>;

/**
 * Makes a client; nothing is sent before the first call, and connections that rest between calls never keep a program
 * alive. Every call takes its fields as first argument and `CallOptions` as last, and rejects with a `WindlassError` whose
 * `code` says why. With the type of your handlers, `client<typeof handlers>(…)`, `submit` knows their names and inputs.
 *
 * Throws `usage` for an address that is none.
 */
export function client<H extends HandlersByName = AnyHandlers>(options: ClientOptions): Client<H> {
  const caller: Caller = {
    target: {
      url: checkedUrl(options.url),
      token: options.token,
      workspace: options.workspace,
      fetch: options.fetch ?? fetch,
      exchange: exchangeBy(options.fetch ?? fetch),
      tracing: options.tracing,
    },
    retries: options.retries ?? RETRIES,
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    pause: options.pause ?? pause,
    onLost: options.onLost,
  };
  const nouns: Record<string, Record<string, unknown>> = {};
  for (const [id, route] of Object.entries<Route>(ROUTES)) {
    const [noun = "", verb = ""] = id.split(".");
    const calls = (nouns[noun] ??= {});
    calls[verb] = callerOf(caller, route);
    if (verb === "list" && route.query?.includes("cursor") === true) calls["each"] = eachItem(calls[verb] as PageCall);
  }
  if (options.gather !== false) nouns["jobs"] = { ...nouns["jobs"], submit: gathered(caller, gatherSubmits(caller.target)) };
  const calls = nouns as unknown as Calls;
  return {
    ...calls,
    submit(handler: string, input?: unknown, options: SubmitOptions & CallOptions = {}) {
      const { signal, timeoutMs, retries, ...more } = options;
      return calls.jobs.submit(submissionOf(handler, input, more), { signal, timeoutMs, retries });
    },
    wait: (id, waitOptions = {}) => waitForJob(calls, id, waitOptions),
    tail(id, { after, stream, ...callOptions } = {}) {
      const route = ROUTES["jobs.followLogs"];
      const follow = (position: string) =>
        streamItems({ caller, request: { route, input: { id, stream, after: position } }, options: callOptions });
      return tailLines(follow, after);
    },
    async ping(callOptions = {}) {
      const request: Request = { route: { method: "GET", path: "/healthz" }, input: {} };
      await bodyOf(caller, { request, read: (answer) => answer.text() }, callOptions);
    },
  };
}

function callerOf(caller: Caller, route: Route): unknown {
  const requestOf = (input: Given): Request => ({ route, input });
  if (route.response === "sse")
    return (input: Given = {}, options: CallOptions = {}) => itemsOf(streamItems({ caller, request: requestOf(input), options }));
  if (route.response === "bytes") return (input: Given = {}, options: CallOptions = {}) => bytesOf(caller, requestOf(input), options);
  return (input: Given = {}, options: CallOptions = {}) => jsonOf(caller, requestOf(input), options);
}

function gathered(caller: Caller, send: SendSubmit): unknown {
  return async (input: Given = {}, options: CallOptions = {}) => {
    const call = ongoingCall(caller, options);
    try {
      return await call.carryOut({ route: ROUTES["jobs.submit"], input }, send);
    } finally {
      call.end();
    }
  };
}

async function* itemsOf(stream: AsyncIterable<StreamedItem>): AsyncGenerator {
  for await (const { item } of stream) yield item;
}

export function checkedUrl(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/u.test(new URL(url).protocol)) {
    throw new WindlassError("usage", `the address of the server is ${JSON.stringify(url)}; it must be like http://127.0.0.1:4180`);
  }
  return url.replace(/\/+$/u, "");
}
