/**
 * What a worker and a server say to each other over one WebSocket. A frame is a JSON text with a number and messages.
 *
 * P1. Frames of each direction are numbered from 1 without gaps, per connection. One that comes twice, early or not at all
 *     ends the connection; the next one brings both in line again (`welcome`, `unknown`).
 * P2. Every item of a worker has a number that is never used again, and is answered: stored or refused. Until then the
 *     worker keeps it and sends it again over the next connection. Items name their attempt by its fencing token, so that
 *     what was stored already is refused when it comes again.
 * P3. A server sends no more jobs than the worker has asked for (`credit`).
 */
import { PROGRESS_TEXT_LENGTH_MAX, reasons } from "@windlass/kernel";
import * as z from "zod";
import { jsonObject, labels } from "./json-schema.ts";
import {
  WORKER_HANDLER_LENGTH_MAX,
  WORKER_HANDLERS_MAX,
  WORKER_ITEMS_MAX,
  WORKER_JOBS_MAX,
  WORKER_LOG_LINES_MAX,
  WORKER_QUEUES_MAX,
  WORKER_TTL_MS,
} from "./worker-connection.ts";

const count = z.int().min(0);
const text = (lengthMax: number) => z.string().max(lengthMax);
/** Checked as JSON by having been parsed from it; its size is checked where it is stored. */
const anything = z.unknown();
/** It is looked at up to the first fault: a frame has room for millions of them, and each is kept until all is looked at. */
const list = <T extends z.ZodType>(element: T, lengthMax: number) =>
  z
    .array(z.unknown())
    .max(lengthMax)
    .transform((values, context) => {
      const read: z.output<T>[] = [];
      for (const [index, input] of values.entries()) {
        const { data, error } = element.safeParse(input);
        if (error !== undefined) {
          const placed = error.issues.map((issue) => ({ ...issue, input, path: [index, ...issue.path] }));
          context.issues.push(...(placed as z.core.$ZodRawIssue[]));
          return z.NEVER;
        }
        read.push(data);
      }
      return read;
    });

const attempt = { id: text(64), token: count, attempt: count } as const;
const result = z.strictObject({
  /** The others are not for a worker to tell. */
  outcome: z.enum(["succeeded", "failed", "failed_config", "cancelled"]),
  reason: z.enum(reasons),
  message: text(4_000).nullable(),
  /** Of the program that a runner started. */
  exitCode: z.int().optional(),
  signal: text(32).optional(),
  output: anything.optional(),
  evidence: jsonObject.optional(),
});

/** How a handler ended: the kernel's `HandlerEnd`. */
export const handlerEnd = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("settle"), result, stopped: z.boolean(), retryAfterMs: z.number().optional() }),
  z.strictObject({ type: z.literal("defer"), afterMs: z.number(), reason: z.enum(["deferred", "handler_unknown"]) }),
  z.strictObject({ type: z.literal("wait"), tokenHash: text(128), timeoutMs: z.number().nullable() }),
  z.strictObject({ type: z.literal("lose"), message: text(4_000) }),
  z.strictObject({ type: z.literal("release") }),
]);

export const workerItem = z.discriminatedUnion("what", [
  z.strictObject({ n: count, what: z.literal("end"), ...attempt, end: handlerEnd }),
  z.strictObject({
    n: count,
    what: z.literal("progress"),
    ...attempt,
    fraction: z.number().nullable(),
    text: text(PROGRESS_TEXT_LENGTH_MAX).nullable(),
  }),
  /** The hash of a completion token, stored before the token is given away. */
  z.strictObject({ n: count, what: z.literal("expect"), ...attempt, tokenHash: text(128) }),
  z.strictObject({
    n: count,
    what: z.literal("log"),
    ...attempt,
    /** When it was written, in milliseconds since 1970, and the line without its end. */
    lines: list(z.tuple([z.number(), z.string()]), WORKER_LOG_LINES_MAX),
  }),
]);

const ids = z.array(text(64)).max(2 * WORKER_JOBS_MAX);

export const workerHello = z.strictObject({
  type: z.literal("hello"),
  protocol: z.int(),
  /** The session to go on with; null for a new one. */
  session: text(64).nullable(),
  queues: z.array(text(128)).min(1).max(WORKER_QUEUES_MAX),
  handlers: z.array(text(WORKER_HANDLER_LENGTH_MAX)).max(WORKER_HANDLERS_MAX),
  ttlMs: z.int().min(WORKER_TTL_MS.least).max(WORKER_TTL_MS.most),
});

/** What a worker says. */
export const workerMessage = z.discriminatedUnion("type", [
  workerHello,
  /** Both count from the beginning of the connection: jobs it takes in all, and of them jobs for which it has a free slot. */
  z.strictObject({ type: z.literal("credit"), jobs: count, slots: count }),
  z.strictObject({ type: z.literal("items"), items: list(workerItem, WORKER_ITEMS_MAX) }),
  /** Of the jobs that the server asked about, or named in its welcome, those that the worker does not have. */
  z.strictObject({ type: z.literal("unknown"), question: count, ids }),
  /** It is alive. */
  z.strictObject({ type: z.literal("beat"), n: count }),
  /** It has given back everything and goes: its session ends. */
  z.strictObject({ type: z.literal("bye") }),
]);

export const workerFrame = z.strictObject({ seq: count, messages: z.array(workerMessage) });

const pushedJob = z.object({
  ...attempt,
  name: z.string(),
  /** The handler that it is for. */
  handler: z.string(),
  input: anything,
  labels,
  /** What its attempt continues (W3C Trace Context). Left out where nobody traces. */
  traceparent: z.string().optional(),
});

/** What a server says. */
export const serverMessage = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("welcome"),
    session: z.string(),
    /** False: it is a new session, and what the worker held under another is lost. */
    resumed: z.boolean(),
    ttlMs: z.int(),
    /** What the session holds; the worker answers with what it does not know of (question 0). */
    held: z.array(z.object({ id: z.string(), token: count })),
  }),
  z.object({ type: z.literal("jobs"), jobs: z.array(pushedJob) }),
  z.object({
    type: z.literal("acks"),
    stored: z.array(count),
    refused: z.array(z.object({ n: count, code: z.string(), why: z.string() })),
  }),
  /** These jobs are to stop. */
  z.object({
    type: z.literal("stops"),
    jobs: z.array(z.object({ id: z.string(), token: count, reason: z.enum(reasons), message: z.string().nullable(), graceMs: z.number() })),
  }),
  /** What of these has not begun is to be given back: their queue was paused or limited. An older worker comes to them soon. */
  z.object({ type: z.literal("recall"), jobs: z.array(z.object({ id: z.string(), token: count })) }),
  /** Which of these does the worker not have? Each with its fencing token, in the same order: an earlier attempt of it is another one. An older server leaves them out. */
  z.object({ type: z.literal("ask"), question: count, ids, tokens: z.array(count).optional() }),
  /** The answer to a beat: the session lives on. */
  z.object({ type: z.literal("alive"), n: count }),
  /** What was wrong; the end of the connection follows. */
  z.object({ type: z.literal("fault"), code: z.string(), message: z.string() }),
]);

export const serverFrame = z.object({ seq: count, messages: z.array(serverMessage) });

export type WorkerMessage = z.output<typeof workerMessage>;
export type WorkerHello = z.output<typeof workerHello>;
export type WorkerItem = z.output<typeof workerItem>;
export type ServerMessage = z.output<typeof serverMessage>;
export type PushedJob = z.output<typeof pushedJob>;
