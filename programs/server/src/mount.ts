/** Makes a route of each operation: who asks, may they, what do they ask (all faults at once), and the answer. */
import { keepsAnswers, operationList, TOLD_BYTES_MAX, type Operation } from "@windlass/contract";
import { commandGate, jobsWithin } from "@windlass/engine";
import {
  DEFAULT_WORKSPACE,
  isJsonObject,
  isWindlassError,
  readTraceparent,
  WindlassError,
  type Expected,
  type Fault,
  type Json,
} from "@windlass/kernel";
import type { Context, Hono } from "hono";
import type * as z from "zod";
import { wholeAnswer } from "./answer-headers.ts";
import { answerOnce } from "./answer-once.ts";
import { audited, notice } from "./audit-call.ts";
import { demand, type Authenticate, type Principal } from "./authenticate.ts";
import { expectedOf, isFresh, isTagged, tagOf } from "./etag.ts";
import { eitherCase } from "./either-case.ts";
import { faultsOf } from "./faults-of.ts";
import type { InternalGuard } from "./internal-guard.ts";
import type { OpenStreams } from "./open-streams.ts";
import { readBody, readBytes, readJson } from "./read-json.ts";
import { isLimited, type RateLimit } from "./rate-limit.ts";
import { readQuery } from "./read-query.ts";
import type { AllHandlers, Asking, ServerContext, StreamItem } from "./server-context.ts";
import { sseResponse } from "./sse-response.ts";

export interface Variables {
  requestId: string;
  operation: string;
  /** What tells the caller how many requests are left. */
  rateHeaders: Readonly<Record<string, string>> | undefined;
  /** In place of the headers that every answer has. */
  ownHeaders: Readonly<Record<string, string>> | undefined;
  /** An answer that was made with all of these. */
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

export interface MountOptions {
  readonly app: App;
  readonly context: ServerContext;
  readonly handlers: AllHandlers;
  readonly authenticate: Authenticate;
  /** Of operations that are for parts of Windlass which run elsewhere. */
  readonly guard: InternalGuard;
  readonly streams: OpenStreams;
  readonly rate: RateLimit;
}

type Handler = (call: { readonly params: unknown; readonly query: unknown; readonly body: unknown }, asking: Asking) => unknown;

/** Also the least that is taken of parts of Windlass that run elsewhere: an output of the largest length, with its evidence. */
const BODY_BYTES_MAX = 4_194_304;
/** Who asks for what needs no token. */
const NOBODY: Principal = {
  id: "completion",
  name: "completion",
  permissions: new Set(),
  workspaces: [],
  workspace: DEFAULT_WORKSPACE,
  may: () => false,
  isGood: async () => true,
};

export function mount(options: MountOptions): void {
  const { app, context, authenticate } = options;
  for (const operation of operationList) {
    const handler = handlerOf(options.handlers, operation.id);
    app.on(operation.method, operation.path.replace(/\{(\w+)\}/gu, ":$1"), async (c) => {
      c.set("operation", operation.id);
      const traceparent = readTraceparent(c.req.header("traceparent"));
      const object = c.req.param("id") ?? c.req.param("name") ?? c.req.param("executionId");
      return audited({ audit: context.engine.audit, operation, requestId: c.get("requestId"), object }, async (trail) => {
        if (operation.internal) await options.guard(c.req.raw.headers, addressOf(c));
        const principal = operation.permission === null ? NOBODY : await authenticate(c.req.raw.headers, addressOf(c));
        if (operation.permission !== null) {
          trail.principal = principal;
          if (isLimited(principal)) c.set("rateHeaders", options.rate.take(principal.name));
          demand(principal, { ...operation, permission: operation.permission });
        }
        const call = await callOf(c, operation, context.bodyBytesMax ?? BODY_BYTES_MAX);
        trail.wanted = nameIn(call.body);
        const expected = expectedOf(operation, { ifMatch: c.req.header("if-match"), ifNoneMatch: c.req.header("if-none-match") });
        const ask = async (signal: () => AbortSignal): Promise<unknown> => {
          const work = async (): Promise<unknown> => handler(call, asking(context, { principal, signal, traceparent, expected }));
          const result = await onceByKey({ c, context, operation, principal, asked: { ...call, expected } }, work);
          if (operation.response === "json") notice(trail, result);
          return result;
        };
        return answer({ ...options, operation, c, principal, ask });
      });
    });
  }
}

function nameIn(body: unknown): string | null {
  return isJsonObject(body) && typeof body["name"] === "string" ? body["name"] : null;
}

interface Keyed {
  readonly c: RequestContext;
  readonly context: ServerContext;
  readonly operation: Operation;
  readonly principal: Principal;
  readonly asked: unknown;
}

/** Under the key that the caller gave, if it gave one and the operation heeds it. */
async function onceByKey({ c, context, operation, principal, asked }: Keyed, work: () => Promise<unknown>): Promise<unknown> {
  const key = c.req.header("idempotency-key");
  if (key === undefined || !keepsAnswers(operation)) return work();
  const { id, workspace } = principal;
  const call = { context: context.engine.context, operation, key, workspace, principal: id, requestId: c.get("requestId"), asked };
  return answerOnce(call, work as () => Promise<Json>, () => c.set("ownHeaders", { "idempotency-replayed": "true" }));
}

interface Asked {
  readonly principal: Principal;
  /** Made when somebody asks for it: only streams do. */
  readonly signal: () => AbortSignal;
  readonly traceparent: string | null;
  readonly expected: Expected;
}

function asking({ engine }: ServerContext, { principal, signal, traceparent, expected }: Asked): Asking {
  const { workspace } = principal;
  const gate = commandGate(engine.context, principal);
  const jobs = jobsWithin(engine.jobs, workspace, { traceparent, gate });
  return {
    ...{ principal, workspace, jobs, gate, expected },
    get signal() {
      return signal();
    },
  };
}

function handlerOf(handlers: AllHandlers, id: string): Handler {
  const [noun = "", verb = ""] = id.split(".");
  return (handlers as unknown as Record<string, Record<string, Handler>>)[noun]?.[verb] as Handler;
}

interface Answering extends MountOptions {
  readonly operation: Operation;
  readonly c: RequestContext;
  readonly principal: Principal;
  readonly ask: (signal: () => AbortSignal) => unknown;
}

async function answer({ operation, c, principal, ask, streams, context }: Answering): Promise<Response> {
  if (operation.response === "json") return jsonAnswer(c, operation, { result: await ask(() => c.req.raw.signal), context });
  // Nobody reads the body of a HEAD, and so nobody would end the stream.
  if (c.req.method === "HEAD") return new Response(null, { status: operation.status });
  const { signal, close } = streams.open(c.req.raw.signal, principal.name);
  try {
    const items = whileGood((await ask(() => signal)) as AsyncIterable<unknown>, principal);
    if (operation.response === "sse") {
      const { clock, logger } = context.engine.context;
      return sseResponse(items as AsyncIterable<StreamItem<unknown>>, { clock, logger, ended: close, isGood: () => principal.isGood() });
    }
    const bytes = ReadableStream.from<Uint8Array>(closing(items as AsyncIterable<Uint8Array>, close));
    return new Response(bytes, { headers: { "content-type": "application/octet-stream" } });
  } catch (error) {
    close();
    throw error;
  }
}

/** A stream ends before the first item that its token may not see any more; who connects again is told why. */
async function* whileGood<T>(items: AsyncIterable<T>, principal: Principal): AsyncGenerator<T> {
  for await (const item of items) {
    if (!(await principal.isGood())) return;
    yield item;
  }
}

function jsonAnswer(
  c: RequestContext,
  operation: Operation,
  { result, context }: { readonly result: unknown; readonly context: ServerContext },
): Response {
  const text = JSON.stringify(result);
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (isTagged(operation)) {
    const tag = tagOf(result, text, context.engine.context.sha256);
    headers["etag"] = tag;
    if (operation.method === "GET" && isFresh(c.req.header("if-none-match"), tag))
      return wholeAnswer(c, null, { status: 304, headers: { etag: tag } });
  }
  return wholeAnswer(c, text, { status: operation.status, headers });
}

async function* closing<T>(items: AsyncIterable<T>, close: () => void): AsyncGenerator<T> {
  try {
    yield* items;
  } finally {
    close();
  }
}

/** Everything that was sent, read by the schemas of the operation. Throws `invalid` with the faults of all three parts. */
async function callOf(
  c: RequestContext,
  operation: Operation,
  bytesMax: number,
): Promise<{ readonly params: unknown; readonly query: unknown; readonly body: unknown }> {
  const faults: Fault[] = [];
  const read = (schema: z.ZodType, value: unknown): unknown => {
    const result = schema.safeParse(value);
    if (!result.success) faults.push(...faultsOf(result.error, value, schema));
    return result.data;
  };
  const readBodyOf = (sent: Json): unknown => {
    if (!operation.internal) return read(operation.body, sent);
    const before = faults.length;
    const { body, asSent, faults: twice } = eitherCase(sent);
    const result = read(operation.body, body);
    faults.push(...twice, ...faults.splice(before).map(asSent));
    return result;
  };
  const params = read(operation.params, c.req.param());
  const query = read(operation.query, queryOf(c, operation));
  const body =
    operation.body.type === "undefined"
      ? undefined
      : operation.request === "bytes"
        ? { bytes: await readBytes(c.req.raw, TOLD_BYTES_MAX, "of one piece of a log") }
        : readBodyOf(await bodyOf(c, operation, { bytesMax, faults }));
  if (faults.length > 0) throw new WindlassError("invalid", faults.map((fault) => fault.message).join("; "), { faults });
  return { params, query, body };
}

/** `Last-Event-ID`, which browsers send when they connect again, is `after`, and newer than the one in the address. */
function queryOf(c: RequestContext, operation: Operation): Record<string, unknown> {
  const query = readQuery(operation.query, c.req.queries());
  const last = operation.response === "sse" ? c.req.header("last-event-id") : undefined;
  return last === undefined || last === "" ? query : { ...query, after: last };
}

/** Programs of ours tell these: whatever is wrong with what they say is the same to them, and telling it again cannot help. */
async function internalBodyOf(c: RequestContext, bytesMax: number): Promise<Json> {
  try {
    return readJson(await readBody(c.req.raw, bytesMax));
  } catch (error) {
    if (!isWindlassError(error) || error.code !== "bad_request") throw error;
    throw new WindlassError("invalid", error.message, { faults: [{ path: "", message: error.message }], cause: error });
  }
}

async function bodyOf(
  c: RequestContext,
  operation: Operation,
  { bytesMax, faults }: { readonly bytesMax: number; readonly faults: Fault[] },
): Promise<Json> {
  if (operation.internal) return internalBodyOf(c, Math.max(bytesMax, BODY_BYTES_MAX));
  const text = await readBody(c.req.raw, bytesMax);
  const type = c.req.header("content-type") ?? "";
  // Forms of other pages may be sent here without asking; JSON may not.
  if (text !== "" && !/^application\/json\s*(;|$)/iu.test(type))
    throw new WindlassError(
      "bad_request",
      `the body is ${type === "" ? "of unknown type" : type}; send JSON with the header content-type: application/json`,
    );
  const body = readJson(text);
  const key = c.req.header("idempotency-key");
  if (!operation.idempotent || key === undefined || !isJsonObject(body)) return body;
  const given = body["idempotencyKey"];
  if (given !== undefined && given !== key)
    faults.push({
      path: "idempotencyKey",
      message: `idempotencyKey is ${JSON.stringify(given)}, but the header Idempotency-Key is ${JSON.stringify(key)}`,
    });
  return { ...body, idempotencyKey: key };
}
