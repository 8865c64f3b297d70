/** What can be done with many jobs at once: look first (`dryRun`), then act; and how many there are. */
import { JOB_KINDS } from "@windlass/kernel";
import * as z from "zod";
import { jobJson, jobState, outcome } from "./job-json.ts";
import { idParams, time } from "./json-schema.ts";
import { operation } from "./operation.ts";
import { problemJson } from "./problem.ts";

/** Jobs that one call acts on: more are a second call, so that none takes minutes. */
export const BULK_MAX = 10_000;
const BULK_DEFAULT = 1_000;

const label = z.string().regex(/^[^=]+=/u, "a label is written key=value");

const filter = {
  kind: z.enum(JOB_KINDS).optional(),
  name: z.string().optional(),
  state: z.array(jobState).optional(),
  outcome: outcome.optional(),
  queue: z.string().optional(),
  label: label.optional(),
};

/** At least one field, or `all`: a filter that somebody forgot would mean everything. */
const bulk = {
  ...filter,
  /** Really all jobs of the workspace. */
  all: z.boolean().optional(),
  /** Look only: the answer says what would be done. */
  dryRun: z.boolean().default(false),
  /** At most so many, oldest first. */
  limit: z.int().min(1).max(BULK_MAX).default(BULK_DEFAULT),
};

export const bulkJson = z
  .object({
    dryRun: z.boolean(),
    /** Jobs that fit, up to the limit. */
    matched: z.int(),
    /** More fit than the limit let through: call again. */
    more: z.boolean(),
    /** Jobs on which it was done. */
    done: z.int(),
    /** Why it was not done on others; the first hundred. */
    refused: z.array(z.object({ id: z.string(), problem: problemJson })),
    /** The first that fit. */
    sample: z.array(jobJson),
  })
  .meta({ id: "BulkAnswer" });

export const cleanedJson = z
  .object({
    dryRun: z.boolean(),
    items: z.array(
      z.object({
        job: jobJson,
        /** Since when it is so, at the latest. */
        since: time,
        why: z.string(),
        /** False: only told, or somebody was quicker. */
        cleaned: z.boolean(),
      }),
    ),
    /** Attempts that are as old and run where the server that answers cannot look. */
    unseen: z.int(),
  })
  .meta({ id: "CleanedJobs" });

export const jobCountsJson = z
  .object({
    by: z.enum(["state", "kind", "queue"]),
    items: z.array(z.object({ value: z.string(), count: z.int() })),
    total: z.int(),
    /** True when there are more jobs than were counted. */
    capped: z.boolean(),
  })
  .meta({ id: "JobCounts" });

export type BulkJson = z.output<typeof bulkJson>;
export type CleanedJson = z.output<typeof cleanedJson>;
export type JobCountsJson = z.output<typeof jobCountsJson>;

export const bulkOperations = {
  counts: operation("jobs.counts", {
    summary: "Count jobs by state, kind or queue; no more than the newest 10,000 that fit are looked at",
    permission: "jobs:read",
    query: z.strictObject({ ...filter, by: z.enum(["state", "kind", "queue"]).default("state"), rootsOnly: z.boolean().optional() }),
    result: jobCountsJson,
  }),
  resume: operation("jobs.resume", {
    summary: "Let a parked job go on: the same attempt is taken up again",
    permission: "jobs:resume",
    params: idParams,
    body: z.strictObject({}),
    result: jobJson,
    errors: ["not_found", "conflict", "job_finished"],
  }),
  cancelMany: operation("jobs.cancelMany", {
    summary: "Ask for the end of all jobs that fit, with all below them; dryRun tells which those are",
    permission: "jobs:cancel",
    body: z.strictObject({ ...bulk, message: z.string().max(1_000).optional(), graceSeconds: z.number().min(0).max(86_400).optional() }),
    result: bulkJson,
  }),
  clean: operation("jobs.clean", {
    summary:
      "Tell of jobs that are stuck (their container or worker is gone, or their time limit has long passed), and end them unless it is a dryRun",
    permission: "jobs:cancel",
    body: z.strictObject({
      /** Only these; all of the workspace when left out. */
      ids: z.array(z.string()).max(BULK_DEFAULT).optional(),
      /** How long nothing may have moved. */
      olderThanSeconds: z.number().min(60).max(31_536_000).default(3_600),
      dryRun: z.boolean().default(false),
      limit: z.int().min(1).max(BULK_DEFAULT).default(BULK_DEFAULT),
    }),
    result: cleanedJson,
  }),
  retryMany: operation("jobs.retryMany", {
    summary: "Run all jobs that fit again, as new jobs; without state or outcome those that ended without success",
    permission: "jobs:submit",
    body: z.strictObject(bulk),
    result: bulkJson,
  }),
} as const;
