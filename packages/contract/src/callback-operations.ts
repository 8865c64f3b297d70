/**
 * How those who watch containers tell what became of them. Told again, it is the same; told too late or of something else,
 * it is answered so and changes nothing.
 */
import * as z from "zod";
import { jsonObject, jsonValue, time } from "./json-schema.ts";
import { containerName, stream } from "./log-json.ts";
import { operation } from "./operation.ts";

/** How an attempt may have ended outside. */
const END_STATES = [
  "succeeded",
  "failed",
  "failed_image_pull",
  "failed_oom",
  "failed_node_lost",
  "failed_timeout",
  "failed_config",
  "cancelled",
] as const;

/** Bytes of evidence, as JSON: last lines, statuses and events, no logs. */
const EVIDENCE_LENGTH_MAX = 65_536;

const account = {
  /** What the attempt is called outside: the name of the Kubernetes Job, of the container. */
  jobName: z.string().min(1).max(253),
  /** What its executor knows it by; the UID of the Kubernetes Job. */
  jobUid: z.string().min(1).max(253).optional(),
  completedAt: time.optional(),
  exitCode: z.int().optional(),
  /** One of the table of reasons, or a word of the cluster's own, such as OOMKilled. */
  reason: z.string().max(200).optional(),
  message: z.string().max(4_000).optional(),
  /** What the container printed as its result. */
  output: jsonValue.optional(),
  evidence: jsonObject.optional().refine((value) => value === undefined || JSON.stringify(value).length <= EVIDENCE_LENGTH_MAX, {
    message: `it may have ${EVIDENCE_LENGTH_MAX} characters as JSON`,
  }),
  stdoutUri: z.string().max(2_000).optional(),
  stderrUri: z.string().max(2_000).optional(),
};

const STALE_REASONS = [
  "unknown_execution",
  "unknown_step",
  "unknown_job",
  "not_a_container_step",
  "already_finished",
  "other_attempt",
  "name_mismatch",
  "uid_mismatch",
] as const;

/** What was told is always taken; what became of it says the status. */
const answer = z
  .object({
    status: z.enum(["accepted_in_flight", "accepted_duplicate", "accepted_stale"]),
    /** The event that it made, also for who tells it again: job and number. Not when it is stale. */
    event_id: z.string().optional(),
    /** Why it is stale. */
    reason: z.enum(STALE_REASONS).optional(),
  })
  .meta({ id: "CallbackAnswer" });

const id = z.string().min(1).max(64);

const attemptParams = z.strictObject({ id, attempt: z.coerce.number<number | string>().int().min(1).max(1_000_000) });

const logStaleReason = z.enum([...STALE_REASONS, "log_removed"]);

const toldAnswer = z
  .object({
    /**
     * `gap`: nothing was stored, for the piece begins behind `next`. `moved`: nor was it, for what is stored began at another time:
     * the beginning of the log is gone, and what is left is told on from `next`, by the line `last`.
     */
    status: z.enum(["stored", "gap", "moved", "accepted_stale"]),
    /** Tell on from this byte: what is behind it is not stored. It may lie within the piece, and before what was held back. */
    next: z.int().optional(),
    /** The last line of which something is stored, as it was told: when it was printed, and where it begins. */
    last: z.object({ time: z.string(), offset: z.int() }).optional(),
    reason: logStaleReason.optional(),
  })
  .meta({ id: "ToldLogAnswer" });

const toldSources = z
  .object({
    status: z.enum(["known", "accepted_stale"]),
    reason: logStaleReason.optional(),
    /** Of which something was told. */
    sources: z.array(
      z.object({
        container: z.string(),
        stream,
        /** The first byte, of those that it printed, that is not stored. */
        next: z.int(),
        /** It has reached its limit: whatever is told of it is taken and not kept. */
        cut: z.boolean(),
      }),
    ),
  })
  .meta({ id: "ToldLogs" });

export const callbackOperations = {
  step: operation("callbacks.step", {
    summary: "Tell how a container step of an execution ended",
    permission: null,
    internal: true,
    status: 202,
    params: z.strictObject({ executionId: id, step: z.string().min(1).max(200) }),
    body: z.strictObject({
      state: z.enum(END_STATES),
      ...account,
      /** The one that is parked now when left out. */
      attempt: z.int().min(1).optional(),
      /** Which item of a loop, from 0; of a loop it must be told. */
      iteration: z.int().min(0).optional(),
    }),
    result: answer,
  }),
  facts: operation("callbacks.facts", {
    summary: "Tell what is known of an attempt that goes on outside, or how it ended",
    permission: null,
    internal: true,
    status: 202,
    params: attemptParams,
    body: z.strictObject({
      /** Besides the ends: it was handed over and has not begun; it runs. */
      state: z.enum([...END_STATES, "pending", "running"]),
      ...account,
      podUid: z.string().max(253).optional(),
      podName: z.string().max(253).optional(),
      node: z.string().max(253).optional(),
    }),
    result: answer,
  }),
  logs: operation("callbacks.logs", {
    summary: "Tell what a container printed, piece by piece: the bytes as they are, and where they begin",
    permission: null,
    internal: true,
    status: 202,
    params: attemptParams,
    query: z.strictObject({
      jobName: account.jobName,
      jobUid: account.jobUid,
      /** The main one when left out, which is `main`. */
      container: containerName.optional(),
      stream: stream.default("stdout"),
      /** In bytes, from the first that the stream had. */
      offset: z.int().min(0),
      /** When it was printed; now when left out. */
      at: time.optional(),
      /** Nothing comes behind it: what might be the beginning of a secret is no longer waited for. */
      last: z.boolean().default(false),
      /** What is missing before it cannot be had any more: a mark says how much. */
      lost: z.boolean().default(false),
      /** It is the first that there is of the log, and `at` says when that was printed. */
      first: z.boolean().default(false),
      /** Before it something may be missing, nobody knows how much: a mark says so. With no bytes: so may all behind it. */
      gap: z.boolean().default(false),
      /** The last line of which there is something in it: when it was printed, to the last digit, and where it begins. */
      lastTime: z
        .string()
        .regex(/^[0-9TZ:.+-]{1,40}$/u)
        .optional(),
      lastOffset: z.int().min(0).optional(),
    }),
    body: z.strictObject({ bytes: z.custom<Uint8Array>((value) => value instanceof Uint8Array) }),
    result: toldAnswer,
  }),
  toldLogs: operation("callbacks.toldLogs", {
    summary: "Show how far the logs of an attempt were told",
    permission: null,
    internal: true,
    params: attemptParams,
    query: z.strictObject({ jobName: account.jobName, jobUid: account.jobUid }),
    result: toldSources,
  }),
  undelivered: operation("callbacks.undelivered", {
    summary: "Note that the end of a container cannot be delivered, for the server refuses what was told",
    permission: null,
    internal: true,
    status: 202,
    body: z.strictObject({
      jobName: account.jobName,
      jobUid: account.jobUid,
      namespace: z.string().max(253).optional(),
      /** Of the job and the attempt that it says it is of. */
      id: z.string().max(253).optional(),
      attempt: z.int().min(1).optional(),
      executionId: z.string().max(253).optional(),
      step: z.string().max(200).optional(),
      iteration: z.int().min(0).optional(),
      /** The end that was told. */
      state: z.string().max(100),
      /** What the server said to it. */
      why: z.string().max(4_000),
    }),
    result: z.object({ status: z.literal("noted") }),
  }),
  turn: operation("callbacks.turn", {
    summary: "Ask whether it is one's turn, of several who share a task; asking again keeps it",
    permission: null,
    internal: true,
    body: z.strictObject({
      /** Of the task. */
      name: z.string().min(1).max(200),
      /** Whoever asks: each its own. */
      holder: z.string().min(1).max(200),
      /** How long it is kept without asking again; 0 gives it back. */
      ttlSeconds: z.int().min(0).max(60),
    }),
    result: z.object({ holds: z.boolean() }),
  }),
} as const;
