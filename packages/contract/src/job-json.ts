/** A job, its attempts and its events as the API shows them. Times are ISO 8601 in UTC. */
import { EXECUTORS, eventTypes, JOB_KINDS, jobStates, outcomes, PHASES, reasons } from "@windlass/kernel";
import * as z from "zod";
import { jsonObject, jsonValue, labels, time } from "./json-schema.ts";

export const jobState = z.enum(jobStates);
export const outcome = z.enum(outcomes);
export const reason = z.enum(reasons);

/** Who or what a job is there for. */
export const causeJson = z
  .object({
    type: z.enum(["user", "parent", "retry", "schedule", "trigger"]),
    by: z.string().optional(),
    id: z.string().optional(),
    of: z.string().optional(),
    nominalAt: time.optional(),
  })
  .meta({ id: "Cause" });

export const progressJson = z.object({ fraction: z.number().nullable(), text: z.string().nullable() }).meta({ id: "Progress" });

/** A job as it is listed. */
export const jobJson = z
  .object({
    id: z.string(),
    kind: z.enum(JOB_KINDS),
    name: z.string(),
    workspace: z.string(),
    state: jobState,
    outcome: outcome.nullable(),
    reason: reason.nullable(),
    message: z.string().nullable(),
    exitCode: z.int().nullable(),
    /** Attempts made so far. */
    attempts: z.int(),
    createdAt: time,
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    /** Null in a list when it has more than 65,536 bytes: shown with the job alone. */
    output: jsonValue,
    parentId: z.string().nullable(),
    rootId: z.string(),
    /** Which child of its parent it is: a step, an item. */
    key: z.string().nullable(),
    queue: z.string(),
    priority: z.int(),
    fairnessKey: z.string().nullable(),
    labels,
    executor: z.enum(EXECUTORS),
    progress: progressJson.nullable(),
    /** What a waiting job waits for. */
    waitingFor: z.enum(["time", "completion", "signal", "approval"]).nullable(),
    /** When a scheduled job becomes due, or a wait ends. */
    nextAt: time.nullable(),
    /** True when it was told to end and has not ended yet. */
    stopping: z.boolean(),
    cause: causeJson,
  })
  .meta({ id: "Job" });

/** A child of an execution, shortened. */
export const stepJson = z
  .object({
    name: z.string(),
    id: z.string(),
    key: z.string(),
    kind: z.enum(JOB_KINDS),
    state: jobState,
    outcome: outcome.nullable(),
    reason: reason.nullable(),
    message: z.string().nullable(),
    exitCode: z.int().nullable(),
    /** Null in a list when it has more than 65,536 bytes: shown with the job alone. */
    output: jsonValue,
    attempts: z.int(),
    createdAt: time,
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
  })
  .meta({ id: "Step" });

/** A job with all that is only shown one at a time. */
export const jobDetailJson = jobJson
  .extend({
    input: jsonValue,
    spec: jsonObject,
    timeoutSeconds: z.number().nullable(),
    /** Of one that waits for a signal or an approval: which signal; whose approval, and of what. */
    awaits: z
      .object({ signal: z.string().optional(), by: z.array(z.string()).optional(), text: z.string().nullable().optional() })
      .nullable(),
    notBefore: time.nullable(),
    startDeadline: time.nullable(),
    /** Of a job that is ready, or of an execution whose runner is: its number in order in its queue. */
    position: z.int().nullable(),
    /** Its children in the order in which they were made; only of jobs that have children. At most the first 1,000. */
    steps: z.array(stepJson).optional(),
    /** True when there are more children than `steps` shows; `jobs.list` with `parentId` has all. */
    stepsCut: z.boolean().optional(),
  })
  .meta({ id: "JobDetail" });

export const attemptJson = z
  .object({
    number: z.int(),
    phase: z.enum(PHASES),
    executor: z.enum(EXECUTORS),
    externalName: z.string().nullable(),
    externalRef: z.string().nullable(),
    startedAt: time,
    endedAt: time.nullable(),
    outcome: outcome.nullable(),
    reason: reason.nullable(),
    message: z.string().nullable(),
    exitCode: z.int().nullable(),
    signal: z.string().nullable(),
    evidence: jsonObject.nullable(),
  })
  .meta({ id: "Attempt" });

export const eventJson = z
  .object({
    /** Continues a watch behind this event; only in watches. */
    position: z.string().optional(),
    jobId: z.string(),
    seq: z.int(),
    at: time,
    type: z.enum(eventTypes),
    attempt: z.int().nullable(),
    data: jsonValue,
  })
  .meta({ id: "Event" });

export type JobJson = z.output<typeof jobJson>;
export type JobDetailJson = z.output<typeof jobDetailJson>;
export type StepJson = z.output<typeof stepJson>;
export type AttemptJson = z.output<typeof attemptJson>;
export type EventJson = z.output<typeof eventJson>;
