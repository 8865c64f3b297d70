/** What the server tells about itself. */
import { jobStates } from "@windlass/kernel";
import * as z from "zod";
import { time } from "./json-schema.ts";
import { operation } from "./operation.ts";

export const systemJson = z
  .object({
    version: z.string(),
    /** What keeps the jobs: sqlite or postgres. */
    store: z.string(),
    startedAt: time,
    now: time,
    /** Jobs by state; counted up to 10,000 each. */
    jobs: z.record(z.enum(jobStates), z.int()),
    executors: z.array(z.string()),
  })
  .meta({ id: "System" });

export type SystemJson = z.output<typeof systemJson>;

export const systemOperations = {
  info: operation("system.info", {
    summary: "Version of the server, its store, and jobs by state",
    permission: "system:read",
    result: systemJson,
  }),
} as const;
