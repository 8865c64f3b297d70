/** What can be done with dead letters over the API. */
import * as z from "zod";
import { isReason, noticeFaults, reasons, type NoticeFault, type Reason } from "@windlass/kernel";
import { jobDetailJson, outcome } from "./job-json.ts";
import { idParams, time } from "./json-schema.ts";
import { operation } from "./operation.ts";

/** What died: a job of the store, or a notice in the queue between programs. */
const source = z.enum(["job", "notice"]);
/** Why: as of a job, or as of a notice. */
const anyReason = z.enum([...reasons, ...noticeFaults.filter((fault) => !isReason(fault))] as [Reason | NoticeFault]);

export const deadLetterJson = z
  .object({
    /** Of the job that died; `notice_…` for a letter of the queue for notices. */
    id: z.string(),
    source,
    /** Of a notice: as its broker tells it from all others. */
    queue: z.string(),
    /** Of the job, or of the workflow that a notice names; empty where it cannot be read. */
    name: z.string(),
    /** Null: no job died. */
    outcome: outcome.nullable(),
    reason: anyReason,
    /** The job, or the execution that a notice names; null: it names none. */
    execution: z.string().nullable(),
    /** Of a notice, as it came. */
    body: z.string().nullable(),
    /** When the broker first had the notice. */
    firstAt: time.nullable(),
    message: z.string().nullable(),
    attempts: z.int(),
    diedAt: time,
    /** How often it was run again as a new job; of a notice, how often it was sent again and came back. */
    redrives: z.int(),
    redrivenAt: time.nullable(),
    redrivenBy: z.string().nullable(),
    /** The job that the last redrive made. */
    redrivenAs: z.string().nullable(),
  })
  .meta({ id: "DeadLetter" });

export type DeadLetterJson = z.output<typeof deadLetterJson>;

/** Letters that one call redrives or strikes off: whoever wants more asks again. */
export const DEAD_LETTERS_MAX = 1_000;

/** A day: whoever wants to start some of them later asks later. */
export const DELAY_SECONDS_MAX = 86_400;

/** Which letters are meant; all when left out. */
const filter = {
  source: source.optional(),
  queue: z.string().max(256).optional(),
  reason: anyReason.optional(),
  name: z.string().max(200).optional(),
  /** Died at this time or later. */
  since: time.optional(),
  /** Died before this time. */
  until: time.optional(),
};

const chosen = {
  ids: z.array(z.string().max(64)).min(1).max(DEAD_LETTERS_MAX).optional(),
  ...filter,
  limit: z.int().min(1).max(DEAD_LETTERS_MAX).default(DEAD_LETTERS_MAX),
};

export const deadLetterOperations = {
  list: operation("deadLetters.list", {
    summary: "List dead letters: those of jobs, newest first, then those of notices, oldest first",
    permission: "deadletters:read",
    query: z.strictObject({
      ...filter,
      redriven: z.boolean().optional(),
      limit: z.int().min(1).max(500).default(50),
      cursor: z
        .string()
        .max(200)
        .regex(/^(job_[0-9a-z]|notice_)/u, "expected the nextCursor of an earlier answer")
        .optional(),
    }),
    result: z.object({
      items: z.array(deadLetterJson),
      nextCursor: z.string().nullable(),
      /** Why those of notices are not among them: their broker is away. Null: they are, or there is none. */
      away: z.string().nullable(),
      /** Why some of those of notices could not be looked at, and about how many; null: all were. */
      unseen: z.string().nullable(),
    }),
  }),
  get: operation("deadLetters.get", {
    summary: "Show a dead letter, with the job that died, if one did",
    permission: "deadletters:read",
    params: idParams,
    result: deadLetterJson.extend({ job: jobDetailJson.nullable() }),
    errors: ["not_found"],
  }),
  redrive: operation("deadLetters.redrive", {
    summary: "Run dead letters again, as new jobs; each once, unless asked to again. Notices are sent again, signed anew",
    permission: "deadletters:redrive",
    body: z.strictObject({
      ...chosen,
      /** Also those that were redriven before: only with ids. */
      again: z.boolean().default(false),
      /** How many are to start in a second. Notices are held back for 15 minutes at most. */
      perSecond: z.number().positive().max(100_000).optional(),
      /** The first starts so much later: for who asks page by page, and keeps a rate. */
      delaySeconds: z.number().min(0).max(DELAY_SECONDS_MAX).default(0),
    }),
    result: z.object({
      /** The job that each was run again as (null: a notice makes it when it is received); `created` is false where that was done before. */
      items: z.array(z.object({ id: z.string(), job: z.string().nullable(), created: z.boolean() })),
      /** True when there may be more to redrive: ask again. */
      more: z.boolean(),
      /** Those that fit and are left as they are: how many, why, and the first of them. */
      left: z.array(z.object({ reason: anyReason, why: z.string(), count: z.int(), ids: z.array(z.string()) })),
      /** Why some were not sent that could be, and that asking again at once may not help; null: none. */
      fault: z.string().nullable(),
      /** Why some of those of notices could not be looked at, and about how many; null: all were. */
      unseen: z.string().nullable(),
      /** When the server began with it. Who asks page by page gives it as `until`, or redrives again what died meanwhile. */
      at: time,
    }),
    errors: ["not_found"],
  }),
  purge: operation("deadLetters.purge", {
    summary: "Strike dead letters off the list; their jobs stay. Only counts unless dryRun is false",
    permission: "deadletters:purge",
    body: z.strictObject({ ...chosen, redriven: z.boolean().optional(), dryRun: z.boolean().default(true) }),
    result: z.object({
      matched: z.int(),
      removed: z.int(),
      more: z.boolean(),
      /** Why some that matched were not struck off; null: none, or they were not there any more. */
      fault: z.string().nullable(),
      /** Why some of those of notices could not be looked at, and about how many; null: all were. */
      unseen: z.string().nullable(),
      /** When the server began with it. Who asks page by page gives it as `until`, or strikes off what died meanwhile and nobody has seen. */
      at: time,
    }),
    errors: ["not_found"],
  }),
} as const;
