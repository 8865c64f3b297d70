/** Makes a route of Hono of each operation. */
import { operationList } from "@windlass/contract";
import type { Context, Hono } from "hono";
import type { AnswerCall } from "./answer-call.ts";
import { plainResponse } from "./answer-headers.ts";
import type { AskedCall, Noted } from "./asked-call.ts";

export interface Variables {
  noted: Noted;
  /** An answer that was made with all headers. */
  wholeAnswer: Response | undefined;
}
/** What comes with a request from a socket. */
export interface Bindings {
  readonly address?: string | null;
}
export type App = Hono<{ Variables: Variables; Bindings: Bindings }>;
export type RequestContext = Context<{ Variables: Variables; Bindings: Bindings }>;

/** Who is at the other end of the socket; null without one. */
export function addressOf({ env }: { readonly env?: Bindings | undefined }): string | null {
  return env?.address ?? null;
}

export function mount(app: App, answers: ReadonlyMap<string, AnswerCall>): void {
  for (const { id, method, path } of operationList)
    app.on(method, path.replace(/\{(\w+)\}/gu, ":$1"), async (c) => {
      const given = await (answers.get(id) as AnswerCall)(askedBy(c));
      return given instanceof Response ? given : plainResponse(c, given);
    });
}

function askedBy(c: RequestContext): AskedCall {
  const { raw } = c.req;
  return {
    method: c.req.method,
    headers: raw.headers,
    params: c.req.param(),
    queries: () => c.req.queries(),
    sent: {
      headers: raw.headers,
      whole: async () => new Uint8Array(await raw.arrayBuffer()),
      pieces: () => (raw.body ?? []) as AsyncIterable<Uint8Array>,
    },
    address: addressOf(c),
    get signal() {
      return raw.signal;
    },
    noted: c.get("noted"),
  };
}
