/** What can be done with dead letters over the API. */
import * as z from "zod";
import { jobDetailJson, outcome, reason } from "./job-json.ts";
import { idParams, time } from "./json-schema.ts";
import { operation } from "./operation.ts";

export const deadLetterJson = z
  .object({
    /** Of the job that died. */
    id: z.string(),
    queue: z.string(),
    name: z.string(),
    outcome,
    reason,
    message: z.string().nullable(),
    attempts: z.int(),
    diedAt: time,
    /** How often it was run again as a new job. */
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

/** Which letters are meant; all when left out. */
const filter = {
  queue: z.string().max(256).optional(),
  reason: reason.optional(),
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
    summary: "List dead letters, newest job first",
    permission: "deadletters:read",
    query: z.strictObject({
      ...filter,
      redriven: z.boolean().optional(),
      limit: z.int().min(1).max(500).default(50),
      cursor: z.string().max(200).optional(),
    }),
    result: z.object({ items: z.array(deadLetterJson), nextCursor: z.string().nullable() }),
  }),
  get: operation("deadLetters.get", {
    summary: "Show a dead letter, with the job that died",
    permission: "deadletters:read",
    params: idParams,
    result: deadLetterJson.extend({ job: jobDetailJson }),
    errors: ["not_found"],
  }),
  redrive: operation("deadLetters.redrive", {
    summary: "Run dead letters again, as new jobs; each once, unless asked to again",
    permission: "deadletters:redrive",
    body: z.strictObject({
      ...chosen,
      /** Also those that were redriven before. */
      again: z.boolean().default(false),
      /** How many are to start in a second. */
      perSecond: z.number().positive().max(100_000).optional(),
    }),
    result: z.object({
      /** The job that each was run again as; `created` is false where that was done before. */
      items: z.array(z.object({ id: z.string(), job: z.string(), created: z.boolean() })),
      /** True when there may be more to redrive. */
      more: z.boolean(),
    }),
    errors: ["not_found"],
  }),
  purge: operation("deadLetters.purge", {
    summary: "Strike dead letters off the list; their jobs stay. Only counts unless dryRun is false",
    permission: "deadletters:purge",
    body: z.strictObject({ ...chosen, redriven: z.boolean().optional(), dryRun: z.boolean().default(true) }),
    result: z.object({ matched: z.int(), removed: z.int(), more: z.boolean() }),
    errors: ["not_found"],
  }),
} as const;
