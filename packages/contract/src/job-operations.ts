/** What can be done with jobs over the API. */
import { EXECUTORS, failureOutcomes, JOB_KINDS, ON_CONFLICT, RETRY_LIMIT_MAX } from "@windlass/kernel";
import * as z from "zod";
import { attemptJson, eventJson, jobDetailJson, jobJson, jobState, outcome, reason } from "./job-json.ts";
import { idCursor, idParams, jsonObject, jsonValue, labels, time } from "./json-schema.ts";
import { containerRange, logItemJson, logsJson, stream } from "./log-json.ts";
import { operation } from "./operation.ts";
import { problemJson } from "./problem.ts";
import { SUBMIT_MANY_MAX } from "./routes.ts";

/** A year: what is longer is a mistake. */
const SECONDS_MAX = 366 * 86_400;

const retryPolicy = z
  .strictObject({
    /** Attempts after the first. */
    limit: z.int().min(0).max(RETRY_LIMIT_MAX),
    /** After which outcomes: `failed`, `failed_timeout` and `failed_node_lost` when left out. */
    on: z.array(z.enum(failureOutcomes)).optional(),
    /** How long each waits: a second, doubled each time, at most 5 minutes when left out. */
    backoff: z
      .strictObject({
        initialSeconds: z.number().min(0).max(SECONDS_MAX).optional(),
        factor: z.number().min(1).max(100).optional(),
        maxSeconds: z.number().min(0).max(SECONDS_MAX).optional(),
        /** The part of a wait that chance may take off. */
        jitter: z.number().min(0).max(1).optional(),
      })
      .optional(),
  })
  .meta({ id: "RetryPolicy" });

export const submission = z
  .strictObject({
    /** A task is one handler, one process or one container; workflows are run by `workflows.run`. */
    kind: z.enum(JOB_KINDS).default("task"),
    /** By which people and lists know it; many may have the same. */
    name: z.string().min(1).max(200),
    /** What carries it out: a worker that has the handler, the server's machine (`process`), something that runs containers. */
    executor: z.enum(EXECUTORS),
    /**
     * Of a handler `{"handler": "its name"}`; of a process `command` (a list) or `script` (text), with `shell`, `cwd`, `env`,
     * `memoryLimitBytes` and `output`; of a container `image` and what belongs to it.
     */
    spec: jsonObject,
    /** What it is given to work on. */
    input: jsonValue.optional(),
    /** Where it waits; `default` when left out. */
    queue: z.string().optional(),
    /** From -1000 to 1000, 0 when left out: the higher one is started first. */
    priority: z.int().optional(),
    /** Jobs of a queue are started in turn over their fairness keys: tenants, users. */
    fairnessKey: z.string().optional(),
    /** Whether it becomes a dead letter when it fails for good; as its queue says when left out. */
    deadLetter: z.boolean().optional(),
    /** By which lists find it again: `key=value`. */
    labels: labels.optional(),
    /** At most so many jobs of the workspace with the same key run at once, whatever queue they are in. */
    concurrency: z
      .strictObject({
        key: z.string().min(1).max(500),
        limit: z.int().min(1),
        /** What becomes of one that finds the key held: it waits when left out. */
        onConflict: z.enum(ON_CONFLICT).optional(),
      })
      .optional(),
    /** The same key is the same job, for as long as that is kept; the header `Idempotency-Key` says the same. */
    idempotencyKey: z.string().min(1).max(255).optional(),
    /** It is not started before this time. */
    notBefore: time.optional(),
    /** It expires unless it was started by then. */
    startDeadline: time.optional(),
    /** After which outcomes another attempt follows; when left out only `failed_node_lost`, twice. */
    retry: retryPolicy.optional(),
    /** The longest that one attempt may take; of an execution, the whole. */
    timeoutSeconds: z.number().min(0.001).max(SECONDS_MAX).optional(),
  })
  .meta({ id: "Submission" });

/** Of `submit` and `run`: the job, and whether this request made it or an earlier one under the same key. */
export const submittedJson = z.object({ id: z.string(), created: z.boolean(), job: jobJson }).meta({ id: "Submitted" });

const POSITION_MESSAGE = "expected a position of an earlier answer";

/** Continue behind this position of the feed. */
const after = z
  .string()
  .regex(/^(\d{1,20}(-\d{1,20})?)?$/u, POSITION_MESSAGE)
  .optional();

/** Continue behind this position of a log; of one that is followed it begins with the attempt. */
const afterInLog = z
  .string()
  .regex(/^[0-9.:]{0,100}$/u, POSITION_MESSAGE)
  .optional();

const logRange = {
  /** The newest attempt when left out. */
  attempt: z.int().min(1).optional(),
  /** Both when left out. */
  stream: stream.optional(),
  /** The main one when left out; `*`: all, in the order in which they printed. */
  container: containerRange.optional(),
  /** Only the last so many lines. */
  tailLines: z.int().min(0).max(1_000_000).optional(),
  /** Only the last so many bytes. */
  tailBytes: z.int().min(0).optional(),
  /** Only what was printed at this time or later. */
  since: time.optional(),
};

/** One item of a watch. `job`: where it stands now; `end`: it has ended; `reset`: events were lost, read again. */
export const watchItemJson = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("job"), job: jobJson }),
    z.object({ type: z.literal("event"), event: eventJson }),
    z.object({ type: z.literal("reset") }),
    z.object({ type: z.literal("end"), job: jobJson }),
  ])
  .meta({ id: "WatchItem" });

const explained = z
  .object({ depth: z.number().int(), reason, message: z.string(), object: z.string().nullable(), since: time.nullable(), todo: z.string() })
  .meta({ id: "ExplainedCause" });

export const explanationJson = z.object({ job: jobJson, causes: z.array(explained) }).meta({ id: "Explanation" });

export type Submission = z.input<typeof submission>;
export type SubmittedJson = z.output<typeof submittedJson>;
export type WatchItemJson = z.output<typeof watchItemJson>;
export type ExplanationJson = z.output<typeof explanationJson>;

export const jobOperations = {
  submit: operation("jobs.submit", {
    summary: "Submit a job",
    permission: "jobs:submit",
    body: submission,
    result: submittedJson,
    status: 201,
    errors: ["idempotency_mismatch", "conflict", "too_many_jobs", "workflow_disabled"],
  }),
  submitMany: operation("jobs.submitMany", {
    summary: "Submit many jobs, each on its own merits",
    permission: "jobs:submit",
    body: z.strictObject({
      jobs: z.array(submission).min(1).max(SUBMIT_MANY_MAX),
      /** Whether each answer shows its job, as that of `submit` does; false when left out. */
      withJobs: z.boolean().default(false),
    }),
    /** In the order of the request: either the job, or why it was refused. */
    result: z.object({
      results: z.array(
        z.union([z.object({ id: z.string(), created: z.boolean(), job: jobJson.optional() }), z.object({ problem: problemJson })]),
      ),
    }),
    errors: [],
  }),
  list: operation("jobs.list", {
    summary: "List jobs, newest first",
    permission: "jobs:read",
    query: z.strictObject({
      kind: z.enum(JOB_KINDS).optional(),
      name: z.string().optional(),
      state: z.array(jobState).optional(),
      outcome: outcome.optional(),
      queue: z.string().optional(),
      /** `key=value` */
      label: z
        .string()
        .regex(/^[^=]+=/u, "a label is written key=value")
        .optional(),
      /** Only its children. */
      parentId: z.string().optional(),
      /** Only it and all below it. */
      rootId: z.string().optional(),
      /** No steps of executions, and no other children. */
      rootsOnly: z.boolean().optional(),
      order: z.enum(["newest", "oldest"]).optional(),
      limit: z.int().min(1).max(500).default(50),
      /** The nextCursor of an earlier answer. */
      cursor: idCursor("job").optional(),
    }),
    result: z.object({ items: z.array(jobJson), nextCursor: z.string().nullable() }),
  }),
  get: operation("jobs.get", {
    summary: "Show a job, with its steps",
    permission: "jobs:read",
    params: idParams,
    result: jobDetailJson,
    errors: ["not_found"],
  }),
  attempts: operation("jobs.attempts", {
    summary: "List the attempts of a job, oldest first, with what was observed of each",
    permission: "jobs:read",
    params: idParams,
    result: z.object({ items: z.array(attemptJson) }),
    errors: ["not_found"],
  }),
  events: operation("jobs.events", {
    summary: "List the events of one job in order",
    permission: "jobs:read",
    params: idParams,
    query: z.strictObject({
      /** The `seq` of the last event of an earlier answer. */
      after: z.int().min(0).default(0),
      limit: z.int().min(1).max(1_000).default(500),
    }),
    result: z.object({ items: z.array(eventJson), more: z.boolean() }),
    errors: ["not_found"],
  }),
  watch: operation("jobs.watch", {
    summary: "Watch a job, and the jobs below it, until it has ended",
    permission: "jobs:read",
    params: idParams,
    query: z.strictObject({
      /** `tree`: also all jobs below it. */
      scope: z.enum(["job", "tree"]).default("tree"),
      after,
    }),
    result: watchItemJson,
    errors: ["not_found"],
  }),
  logs: operation("jobs.logs", {
    summary: "Read what an attempt printed, in pieces with stream and time",
    permission: "jobs:read",
    params: idParams,
    query: z.strictObject({ ...logRange, after: afterInLog, limitBytes: z.int().min(1).max(4_194_304).default(1_048_576) }),
    result: logsJson,
    errors: ["not_found", "log_removed"],
  }),
  rawLogs: operation("jobs.rawLogs", {
    summary: "Read what an attempt printed, byte for byte",
    permission: "jobs:read",
    params: idParams,
    query: z.strictObject(logRange),
    errors: ["not_found", "log_removed"],
  }),
  followLogs: operation("jobs.followLogs", {
    summary: "Follow what a job prints, over its attempts, until it has ended",
    permission: "jobs:read",
    params: idParams,
    query: z.strictObject({ ...logRange, after: afterInLog }),
    result: logItemJson,
    errors: ["not_found", "log_removed"],
  }),
  cancel: operation("jobs.cancel", {
    summary: "Ask for the end of a job and of all below it",
    permission: "jobs:cancel",
    params: idParams,
    body: z.strictObject({
      /** Why, for its handler and for who looks at it later. */
      message: z.string().max(1_000).optional(),
      /** How long it may take to end by itself before it is killed. */
      graceSeconds: z.number().min(0).max(86_400).optional(),
    }),
    result: jobJson,
    errors: ["not_found", "job_finished"],
  }),
  retry: operation("jobs.retry", {
    summary: "Run a job that has ended again, as a new job",
    permission: "jobs:submit",
    params: idParams,
    body: z.strictObject({}),
    result: submittedJson,
    status: 201,
    errors: ["not_found", "conflict", "job_not_finished", "workflow_disabled"],
  }),
  complete: operation("jobs.complete", {
    summary: "End a parked job with the completion token that it gave out; the token is the permission",
    permission: null,
    body: z.strictObject({
      token: z.string().min(1).max(500).meta({ secret: true }),
      /** What it came to; null when left out. */
      output: jsonValue.optional(),
      /** Instead of an output: it has failed, with this message. */
      failed: z.string().max(10_000).optional(),
    }),
    result: jobJson,
    errors: ["token_stale", "not_found", "job_finished"],
  }),
  explain: operation("jobs.explain", {
    summary: "Tell why a job does not run, or why it ended as it did",
    permission: "jobs:read",
    params: idParams,
    result: explanationJson,
    errors: ["not_found"],
  }),
  delete: operation("jobs.delete", {
    summary: "Remove a job that has ended, all below it, and their logs",
    permission: "jobs:delete",
    params: idParams,
    result: z.object({ removed: z.int() }),
    errors: ["not_found", "conflict", "job_not_finished"],
  }),
} as const;

export const eventOperations = {
  list: operation("events.list", {
    summary: "List the events of all jobs in the order in which they happened, page by page",
    permission: "jobs:read",
    query: z.strictObject({ after, type: z.array(eventJson.shape.type).optional(), limit: z.int().min(1).max(1_000).default(100) }),
    /** `next` continues behind what was looked at, also when nothing of it fits; with `more` false that is the end for now. */
    result: z.object({ items: z.array(eventJson), next: z.string(), more: z.boolean() }),
  }),
  watch: operation("events.watch", {
    summary: "Watch the events of all jobs",
    permission: "jobs:read",
    query: z.strictObject({ after, type: z.array(eventJson.shape.type).optional() }),
    result: z.discriminatedUnion("type", [
      z.object({ type: z.literal("event"), event: eventJson }),
      z.object({ type: z.literal("reset") }),
    ]),
  }),
} as const;
