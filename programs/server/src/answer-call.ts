/**
 * Answers a call of an operation, whichever way it came in (mount.ts, direct-door.ts): who asks, may they, what do they ask (all faults
 * at once), and the answer.
 */
import { faultsOf, keepsAnswers, TOLD_BYTES_MAX, type Operation } from "@windlass/contract";
import { commandGate, jobsWithin, type CommandGate, type JobsWithin } from "@windlass/engine";
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
import type * as z from "zod";
import type { AskedCall, PlainAnswer } from "./asked-call.ts";
import { answerOnce } from "./answer-once.ts";
import { textOf } from "./answer-text.ts";
import { audited, notice } from "./audit-call.ts";
import { demand, type Authenticate, type Principal } from "./authenticate.ts";
import { expectedOf, isFresh, isTagged, tagOf } from "./etag.ts";
import { eitherCase } from "./either-case.ts";
import type { InternalGuard } from "./internal-guard.ts";
import type { OpenStreams } from "./open-streams.ts";
import { readBody, readBytes, readJson } from "./read-json.ts";
import { isLimited, type RateLimit } from "./rate-limit.ts";
import { readQuery } from "./read-query.ts";
import type { AllHandlers, Asking, ServerContext, StreamItem } from "./server-context.ts";
import { SSE_TYPE, sseResponse } from "./sse-response.ts";

/** A stream is answered by a `Response`, and so is what is asked with HEAD. */
export type AnswerCall = (asked: AskedCall) => Promise<PlainAnswer | Response>;

export interface AnsweringParts {
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
const STREAM_TYPES = { sse: SSE_TYPE, bytes: "application/octet-stream" } as const;
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

export function answering(parts: AnsweringParts): (operation: Operation) => AnswerCall {
  const { context, authenticate } = parts;
  return (operation) => {
    const handler = handlerOf(parts.handlers, operation.id);
    return async (asked) => {
      const { headers, address, params, noted } = asked;
      noted.operation = operation.id;
      const traceparent = readTraceparent(headers.get("traceparent") ?? undefined);
      const object = params["id"] ?? params["name"] ?? params["executionId"];
      return audited({ audit: context.engine.audit, operation, requestId: noted.requestId, object }, async (trail) => {
        if (operation.internal) await parts.guard(headers, address);
        const principal = operation.permission === null ? NOBODY : await authenticate(headers, address);
        if (operation.permission !== null) {
          trail.principal = principal;
          if (isLimited(principal)) noted.rateHeaders = parts.rate.take(principal.name);
          demand(principal, { ...operation, permission: operation.permission });
        }
        const call = await callOf(asked, operation, context.bodyBytesMax ?? BODY_BYTES_MAX);
        trail.wanted = nameIn(call.body);
        const [ifMatch, ifNoneMatch] = [headers.get("if-match") ?? undefined, headers.get("if-none-match") ?? undefined];
        const expected = expectedOf(operation, { ifMatch, ifNoneMatch });
        const ask = async (signal: () => AbortSignal): Promise<unknown> => {
          const work = async (): Promise<unknown> => handler(call, new AskedNow(context, { principal, signal, traceparent, expected }));
          const result = await onceByKey({ asked, context, operation, principal, what: { ...call, expected } }, work);
          if (operation.response === "json") notice(trail, result);
          return result;
        };
        return answer({ ...parts, operation, asked, principal, ask });
      });
    };
  };
}

function nameIn(body: unknown): string | null {
  return isJsonObject(body) && typeof body["name"] === "string" ? body["name"] : null;
}

interface Keyed {
  readonly asked: AskedCall;
  readonly context: ServerContext;
  readonly operation: Operation;
  readonly principal: Principal;
  readonly what: unknown;
}

/** Under the key that the caller gave, if it gave one and the operation heeds it. */
async function onceByKey({ asked, context, operation, principal, what }: Keyed, work: () => Promise<unknown>): Promise<unknown> {
  const key = asked.headers.get("idempotency-key");
  if (key === null || !keepsAnswers(operation)) return work();
  const { id, workspace } = principal;
  const { noted } = asked;
  const call = { context: context.engine.context, operation, key, workspace, principal: id, requestId: noted.requestId, asked: what };
  return answerOnce(call, work as () => Promise<Json>, () => void (noted.ownHeaders = { "idempotency-replayed": "true" }));
}

interface Facts {
  readonly principal: Principal;
  /** Made when somebody asks for it: only streams do. */
  readonly signal: () => AbortSignal;
  readonly traceparent: string | null;
  readonly expected: Expected;
}

class AskedNow implements Asking {
  readonly principal: Principal;
  readonly workspace: string;
  readonly gate: CommandGate;
  readonly jobs: JobsWithin;
  readonly expected: Expected;
  readonly #signal: () => AbortSignal;

  constructor({ engine }: ServerContext, { principal, signal, traceparent, expected }: Facts) {
    this.principal = principal;
    this.workspace = principal.workspace;
    this.gate = commandGate(engine.context, principal);
    this.jobs = jobsWithin(engine.jobs, principal.workspace, { traceparent, gate: this.gate });
    this.expected = expected;
    this.#signal = signal;
  }

  get signal(): AbortSignal {
    return this.#signal();
  }
}

function handlerOf(handlers: AllHandlers, id: string): Handler {
  const [noun = "", verb = ""] = id.split(".");
  return (handlers as unknown as Record<string, Record<string, Handler>>)[noun]?.[verb] as Handler;
}

interface Answering extends AnsweringParts {
  readonly operation: Operation;
  readonly asked: AskedCall;
  readonly principal: Principal;
  readonly ask: (signal: () => AbortSignal) => unknown;
}

async function answer({ operation, asked, principal, ask, streams, context }: Answering): Promise<PlainAnswer | Response> {
  if (operation.response === "json") return jsonAnswer(asked, operation, { result: await ask(() => asked.signal), context });
  const { signal, close } = streams.open(asked.signal, principal);
  try {
    const items = whileGood((await ask(() => signal)) as AsyncIterable<unknown>, principal);
    // Refused as a GET would be; but nobody reads the body of a HEAD, and so nobody would end the stream.
    if (asked.method === "HEAD") {
      close();
      return new Response(null, { status: operation.status, headers: { "content-type": STREAM_TYPES[operation.response] } });
    }
    if (operation.response === "sse") {
      const { clock, logger } = context.engine.context;
      return sseResponse(items as AsyncIterable<StreamItem<unknown>>, { clock, logger, ended: close, isGood: () => principal.isGood() });
    }
    const bytes = ReadableStream.from<Uint8Array>(closing(items as AsyncIterable<Uint8Array>, close));
    return new Response(bytes, { headers: { "content-type": STREAM_TYPES.bytes } });
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
  { headers: sent }: AskedCall,
  operation: Operation,
  { result, context }: { readonly result: unknown; readonly context: ServerContext },
): PlainAnswer {
  const text = textOf(result);
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (isTagged(operation)) {
    const tag = tagOf(result, text, context.engine.context.sha256);
    headers["etag"] = tag;
    if (operation.method === "GET" && isFresh(sent.get("if-none-match") ?? undefined, tag))
      return { status: 304, headers: { etag: tag }, text: null };
  }
  return { status: operation.status, headers, text };
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
  asked: AskedCall,
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
  const params = read(operation.params, asked.params);
  const query = read(operation.query, queryOf(asked, operation));
  const body =
    operation.body.type === "undefined"
      ? undefined
      : operation.request === "bytes"
        ? { bytes: await readBytes(asked.sent, TOLD_BYTES_MAX, "of one piece of a log") }
        : readBodyOf(await bodyOf(asked, operation, { bytesMax, faults }));
  if (faults.length > 0) throw new WindlassError("invalid", faults.map((fault) => fault.message).join("; "), { faults });
  return { params, query, body };
}

/** `Last-Event-ID`, which browsers send when they connect again, is `after`, and newer than the one in the address. */
function queryOf({ headers, queries }: AskedCall, operation: Operation): Record<string, unknown> {
  const query = readQuery(operation.query, queries());
  const last = operation.response === "sse" ? headers.get("last-event-id") : null;
  return last === null || last === "" ? query : { ...query, after: last };
}

/** Programs of ours tell these: whatever is wrong with what they say is the same to them, and telling it again cannot help. */
async function internalBodyOf({ sent }: AskedCall, bytesMax: number): Promise<Json> {
  try {
    return readJson(await readBody(sent, bytesMax));
  } catch (error) {
    if (!isWindlassError(error) || error.code !== "bad_request") throw error;
    throw new WindlassError("invalid", error.message, { faults: [{ path: "", message: error.message }], cause: error });
  }
}

async function bodyOf(
  asked: AskedCall,
  operation: Operation,
  { bytesMax, faults }: { readonly bytesMax: number; readonly faults: Fault[] },
): Promise<Json> {
  if (operation.internal) return internalBodyOf(asked, Math.max(bytesMax, BODY_BYTES_MAX));
  const text = await readBody(asked.sent, bytesMax);
  const type = asked.headers.get("content-type") ?? "";
  // Forms of other pages may be sent here without asking; JSON may not.
  if (text !== "" && !/^application\/json\s*(;|$)/iu.test(type))
    throw new WindlassError(
      "bad_request",
      `the body is ${type === "" ? "of unknown type" : type}; send JSON with the header content-type: application/json`,
    );
  const body = readJson(text);
  const key = asked.headers.get("idempotency-key");
  if (!operation.idempotent || key === null || !isJsonObject(body)) return body;
  const given = body["idempotencyKey"];
  if (given !== undefined && given !== key)
    faults.push({
      path: "idempotencyKey",
      message: `idempotencyKey is ${JSON.stringify(given)}, but the header Idempotency-Key is ${JSON.stringify(key)}`,
    });
  return { ...body, idempotencyKey: key };
}
