/** What somebody outside may tell an execution that waits: a signal, a yes, a no. */
import * as z from "zod";
import { jobJson } from "./job-json.ts";
import { idParams, jsonValue } from "./json-schema.ts";
import { operation } from "./operation.ts";

const COMMENT_LENGTH_MAX = 2_000;

const decision = z.strictObject({
  /** Which step of the execution; only needed where several wait. */
  step: z.string().min(1).max(200).optional(),
  comment: z.string().max(COMMENT_LENGTH_MAX).optional(),
});

export const signalOperations = {
  signal: operation("jobs.signal", {
    summary: "Send a signal to an execution, or to one step of it; it is kept until a step waits for it, and used once",
    permission: "jobs:signal",
    params: idParams,
    body: z.strictObject({ name: z.string().min(1).max(200), data: jsonValue.optional() }),
    result: jobJson,
    errors: ["not_found", "conflict", "job_finished", "too_large"],
  }),
  approve: operation("jobs.approve", {
    summary: "Approve what an execution, or a step of it, waits for; decided once, with who did it",
    permission: "jobs:approve",
    params: idParams,
    body: decision,
    result: jobJson,
    errors: ["not_found", "conflict", "forbidden"],
  }),
  reject: operation("jobs.reject", {
    summary: "Reject what an execution, or a step of it, waits for; decided once, with who did it",
    permission: "jobs:approve",
    params: idParams,
    body: decision,
    result: jobJson,
    errors: ["not_found", "conflict", "forbidden"],
  }),
} as const;
