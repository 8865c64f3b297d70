/**
 * The API as functions: `client.jobs.list({ state: ["running"] })`. Made from the table of routes; its types come from the
 * operations. Loads no schema, so it starts at once: what the server answers is taken at its word.
 */
import { ROUTES, type ResponseOf, type Route } from "@windlass/contract/routes";
import type { Input, JobDetailJson, Operation, Operations, Result } from "@windlass/contract";
import { WindlassError } from "@windlass/kernel";
import { pause, type Pause } from "./pause.ts";
import { reached, sendRequest, type CallOptions, type Target } from "./send-request.ts";
import { streamItems } from "./stream-items.ts";

export interface ClientOptions {
  /** `http://127.0.0.1:4180` */
  readonly url: string;
  readonly token?: string | undefined;
  /** The only one of the token, or `default`, when left out. */
  readonly workspace?: string | undefined;
  /** Instead of the built-in one, e.g. to call a server in this process. */
  readonly fetch?: typeof fetch | undefined;
  /** Instead of a timer, in tests. */
  readonly pause?: Pause | undefined;
}

type Arguments<O extends Operation> =
  Partial<Input<O>> extends Input<O> ? [input?: Input<O>, options?: CallOptions] : [input: Input<O>, options?: CallOptions];

type Caller<O extends Operation, Kind> = Kind extends "json"
  ? (...given: Arguments<O>) => Promise<Result<O>>
  : Kind extends "sse"
    ? (...given: Arguments<O>) => AsyncGenerator<Result<O>>
    : (...given: Arguments<O>) => Promise<AsyncIterable<Uint8Array>>;

type Calls = {
  readonly [Noun in keyof Operations]: {
    readonly [Verb in keyof Operations[Noun] & string]: Operations[Noun][Verb] extends Operation
      ? Caller<Operations[Noun][Verb], ResponseOf<`${Noun}.${Verb}`>>
      : never;
  };
};

export interface Client extends Calls {
  /** Resolves with the job once it has ended. */
  wait(id: string, options?: CallOptions): Promise<JobDetailJson>;
  /** Resolves when the server is up. Needs no token. */
  ping(options?: CallOptions): Promise<void>;
}

export function client(options: ClientOptions): Client {
  const target: Target = {
    url: checkedUrl(options.url),
    token: options.token,
    workspace: options.workspace,
    fetch: options.fetch ?? fetch,
  };
  const nouns: Record<string, Record<string, unknown>> = {};
  for (const [id, route] of Object.entries<Route>(ROUTES)) {
    const [noun = "", verb = ""] = id.split(".");
    (nouns[noun] ??= {})[verb] = callerOf(target, route, options.pause ?? pause);
  }
  const calls = nouns as unknown as Calls;
  return {
    ...calls,
    async wait(id, callOptions) {
      for await (const item of calls.jobs.watch({ id, scope: "job" }, callOptions)) if (item.type === "end") break;
      callOptions?.signal?.throwIfAborted();
      return calls.jobs.get({ id }, callOptions);
    },
    async ping(callOptions = {}) {
      await sendRequest(target, { route: { method: "GET", path: "/healthz" }, input: {}, ...callOptions });
    },
  };
}

function callerOf(target: Target, route: Route, rest: Pause): unknown {
  type Given = Readonly<Record<string, unknown>>;
  if (route.response === "sse")
    return (input: Given = {}, options: CallOptions = {}) => streamItems({ target, request: { route, input, ...options }, pause: rest });
  if (route.response === "bytes") {
    return async (input: Given = {}, options: CallOptions = {}): Promise<AsyncIterable<Uint8Array>> => {
      const answer = await sendRequest(target, { route, input, ...options });
      return (answer.body ?? []) as AsyncIterable<Uint8Array>;
    };
  }
  return async (input: Given = {}, options: CallOptions = {}): Promise<unknown> => {
    const answer = await sendRequest(target, { route, input, ...options });
    return reached(target, options, () => answer.json());
  };
}

function checkedUrl(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/u.test(new URL(url).protocol)) {
    throw new WindlassError("usage", `the address of the server is ${JSON.stringify(url)}; it must be like http://127.0.0.1:4180`);
  }
  return url.replace(/\/+$/u, "");
}
