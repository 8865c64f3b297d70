/**
 * What can be done with schedules over the API: rules that say when something is run, and the ledger that says what became
 * of each of their times. A schedule is written in the words of its file (docs/guides/schedules.md), flat, with its name.
 */
import {
  CATCH_UP_POLICIES,
  OCCURRENCE_ORIGINS,
  occurrenceDecisions,
  occurrenceReasons,
  OVERLAP_POLICIES,
  type CatchUpPolicy,
  type OverlapPolicy,
} from "@windlass/kernel";
import * as z from "zod";
import { jsonObject, jsonValue, labels, nameParams, time } from "./json-schema.ts";
import { submittedJson } from "./job-operations.ts";
import { operation } from "./operation.ts";

/** The text of a file of a schedule. */
const source = z.string().max(262_144);

/** A zone by its name; what is none is refused with what is near. */
const zone = z.string().max(100);

const overlapPolicies = Object.keys(OVERLAP_POLICIES) as OverlapPolicy[];
const catchUpPolicies = Object.keys(CATCH_UP_POLICIES) as CatchUpPolicy[];

const timingJson = z
  .object({
    cron: z.array(z.string()),
    everyMs: z.number().nullable(),
    /** The k-th fire of an interval is at `anchor + k × everyMs`. */
    anchor: time,
    timezone: z.string(),
    jitterMs: z.number(),
    startsAt: time.nullable(),
    endsAt: time.nullable(),
    exclude: z.array(z.string()),
  })
  .meta({ id: "Timing" });

export const scheduleJson = z
  .object({
    id: z.string(),
    name: z.string(),
    timing: timingJson,
    overlap: z.object({ policy: z.enum(overlapPolicies), limit: z.int() }),
    catchUp: z.object({ policy: z.enum(catchUpPolicies), windowMs: z.number(), limit: z.int() }),
    /** What is run: `{"kind": "workflow", "name": "report"}`, or a job as it is submitted. */
    template: jsonObject,
    input: jsonValue,
    /** Of its jobs. */
    labels,
    paused: z.boolean(),
    pausedBy: z.string().nullable(),
    pausedAt: time.nullable(),
    pausedReason: z.string().nullable(),
    /** What it was written in, and goes with: `workflow/nightly`. */
    source: z.string().nullable(),
    /** When it is looked at next; null: nothing will be due. */
    nextAt: time.nullable(),
    /** Why it could not be decided about when it was looked at last; it is tried again at `nextAt`. Null: it could. */
    failing: z.object({ message: z.string(), since: time, times: z.int() }).nullable(),
    /** Jobs of it that have not ended. */
    running: z.int(),
    /** Occurrences that wait for one of them to end. */
    waiting: z.int(),
    createdBy: z.string(),
    createdAt: time,
    changedBy: z.string(),
    changedAt: time,
    revision: z.int(),
  })
  .meta({ id: "Schedule" });

export const occurrenceJson = z
  .object({
    /** What its job sees as its time, however late it was made; of several the first. */
    nominalAt: time,
    /** Of several the last; else the same. */
    lastAt: time,
    /** How many nominal times the row stands for. */
    count: z.int(),
    origin: z.enum(OCCURRENCE_ORIGINS),
    /** Which run by hand or which backfill; empty for those of the clock. */
    run: z.string(),
    /** With the delay of its jitter. */
    dueAt: time,
    decision: z.enum(occurrenceDecisions),
    reason: z.enum(occurrenceReasons),
    message: z.string().nullable(),
    jobId: z.string().nullable(),
    /** The job that it waits for, or was skipped for. */
    behind: z.string().nullable(),
    /** Coalesced: the nominal time that stands for it. */
    intoAt: time.nullable(),
    decidedAt: time,
    settledAt: time.nullable(),
  })
  .meta({ id: "Occurrence" });

/** One fire, as the wall shows it in the zone of the schedule and in that of whoever looks. */
const fireJson = z.object({ at: time, local: z.string(), viewed: z.string() }).meta({ id: "Fire" });

export type ScheduleJson = z.output<typeof scheduleJson>;
export type OccurrenceJson = z.output<typeof occurrenceJson>;
export type FireJson = z.output<typeof fireJson>;

/** Fires that one preview shows. */
const PREVIEW_MAX = 500;
/** Occurrences of one backfill. */
const BACKFILL_MAX = 1_000;

/** Around which fires are looked for: calendars of zones mean little before, and years have four digits. */
const FIRE_YEARS = [1970, 9900] as const;
const fireTime = time.refine(
  (text) => {
    const year = new Date(text).getUTCFullYear();
    return year >= FIRE_YEARS[0] && year <= FIRE_YEARS[1];
  },
  `expected a time of a year from ${FIRE_YEARS.join(" to ")}`,
);

const preview = { count: z.int().min(1).max(PREVIEW_MAX).default(10), zone: zone.default("UTC"), after: fireTime.optional() };
const writtenWhen = { cron: jsonValue.optional(), every: jsonValue.optional(), anchor: jsonValue.optional() };
const writtenLimits = {
  timezone: jsonValue.optional(),
  jitter: jsonValue.optional(),
  starts: jsonValue.optional(),
  ends: jsonValue.optional(),
  exclude: jsonValue.optional(),
};

/** Fields are read as those of a file are, with all faults at once; that is why their schemas say little. */
const written = z
  .strictObject({
    name: jsonValue.optional(),
    /** The name of a stored workflow, or `name@3`. */
    workflow: jsonValue.optional(),
    /** In its place any job, as it is submitted. */
    job: jsonValue.optional(),
    input: jsonValue.optional(),
    labels: jsonValue.optional(),
    ...writtenWhen,
    ...writtenLimits,
    overlap: jsonValue.optional(),
    catchUp: jsonValue.optional(),
    paused: jsonValue.optional(),
  })
  .meta({ id: "WrittenSchedule" });

export const scheduleOperations = {
  list: operation("schedules.list", {
    summary: "List schedules, by name",
    permission: "schedules:read",
    query: z.strictObject({ limit: z.int().min(1).max(500).default(100), cursor: z.string().max(200).optional() }),
    result: z.object({ items: z.array(scheduleJson), nextCursor: z.string().nullable() }),
  }),
  get: operation("schedules.get", {
    summary: "Show a schedule",
    permission: "schedules:read",
    params: nameParams,
    result: scheduleJson,
    errors: ["not_found"],
  }),
  create: operation("schedules.create", {
    summary: "Make a schedule, of the fields that its file would have; it fires from now on",
    permission: "schedules:write",
    status: 201,
    body: written,
    result: scheduleJson,
    errors: ["conflict", "not_found"],
  }),
  apply: operation("schedules.apply", {
    summary: "Make or change a schedule by its file (YAML or JSON); a change counts from now on",
    permission: "schedules:write",
    body: z.strictObject({ source }),
    result: z.object({ schedule: scheduleJson, change: z.enum(["created", "changed", "unchanged"]) }),
    errors: ["revision_mismatch", "not_found"],
    conditional: true,
  }),
  preview: operation("schedules.preview", {
    summary: "When something would fire, without storing it",
    permission: "schedules:read",
    body: z.strictObject({ ...writtenWhen, ...writtenLimits, ...preview }),
    result: z.object({ timing: timingJson, items: z.array(fireJson) }),
  }),
  next: operation("schedules.next", {
    summary: "The next fires of a schedule, in its zone and in the one of whoever looks; none while it is paused",
    permission: "schedules:read",
    params: nameParams,
    query: z.strictObject(preview),
    result: z.object({ timezone: z.string(), paused: z.boolean(), items: z.array(fireJson) }),
    errors: ["not_found"],
  }),
  history: operation("schedules.history", {
    summary: "What became of the times of a schedule, newest first; of one that was deleted by its id",
    permission: "schedules:read",
    params: nameParams,
    query: z.strictObject({
      decision: z.array(z.enum(occurrenceDecisions)).optional(),
      origin: z.enum(OCCURRENCE_ORIGINS).optional(),
      run: z.string().max(64).optional(),
      since: time.optional(),
      until: time.optional(),
      limit: z.int().min(1).max(500).default(50),
      cursor: z.string().max(200).optional(),
    }),
    result: z.object({ items: z.array(occurrenceJson), nextCursor: z.string().nullable() }),
    errors: ["not_found"],
  }),
  pause: operation("schedules.pause", {
    summary: "Let a schedule rest: what is due meanwhile is skipped, and recorded so",
    permission: "schedules:write",
    params: nameParams,
    body: z.strictObject({ reason: z.string().max(1_000).optional() }),
    result: scheduleJson,
    errors: ["not_found"],
  }),
  resume: operation("schedules.resume", {
    summary: "Let a schedule go on, from now on",
    permission: "schedules:write",
    params: nameParams,
    body: z.strictObject({}),
    result: scheduleJson,
    errors: ["not_found"],
  }),
  run: operation("schedules.run", {
    summary: "Run what a schedule runs once, now, whatever its rules say; its own times stay as they are",
    permission: "schedules:write",
    status: 201,
    params: nameParams,
    body: z.strictObject({}),
    result: submittedJson,
    errors: ["not_found", "workflow_disabled"],
  }),
  backfill: operation("schedules.backfill", {
    summary: "Run a schedule for its times of a span of the past, a few at a time",
    permission: "schedules:write",
    status: 201,
    params: nameParams,
    body: z.strictObject({
      /** Where the span begins; a time at either end belongs to it. */
      from: fireTime,
      to: fireTime,
      /** The first so many times of the span. */
      limit: z.int().min(1).max(BACKFILL_MAX).default(100),
      /** How many of its jobs run at once. */
      concurrency: z.int().min(1).max(100).default(1),
      /** Tells the times and makes nothing. */
      dryRun: z.boolean().default(false),
    }),
    result: z.object({
      /** Names it in the history; null: nothing was made. */
      run: z.string().nullable(),
      times: z.array(time),
      jobIds: z.array(z.string()),
      /** Why jobs could not be made. */
      refused: z.array(z.string()),
      /** There are more times in the span. */
      isCut: z.boolean(),
    }),
    errors: ["not_found", "conflict", "workflow_disabled"],
  }),
  delete: operation("schedules.delete", {
    summary: "Delete a schedule; what runs goes on, its history stays until it is old",
    permission: "schedules:write",
    params: nameParams,
    /** Its history stays under its id. */
    result: z.object({ name: z.string(), id: z.string() }),
    errors: ["not_found", "revision_mismatch"],
    conditional: true,
  }),
} as const;
