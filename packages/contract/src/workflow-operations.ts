/** What can be done with workflows over the API. A workflow is stored by name; each change makes a new version. */
import * as z from "zod";
import { jsonObject, jsonValue, labels, mapOf, namePage, nameParams, nextCursor, time } from "./json-schema.ts";
import { submittedJson } from "./job-operations.ts";
import { operation } from "./operation.ts";
import { faultJson } from "./problem.ts";

/** The text of a workflow file. */
const source = z.string().max(1_048_576);

export const workflowJson = z
  .object({
    id: z.string(),
    name: z.string(),
    version: z.int(),
    hash: z.string(),
    labels,
    createdAt: time,
    /** Nothing new of it is taken, whichever version is asked for; null: it is. */
    disabled: z.object({ by: z.string(), at: time, reason: z.string().nullable() }).nullable(),
  })
  .meta({ id: "Workflow" });

export const workflowDetailJson = workflowJson.extend({ definition: jsonObject }).meta({ id: "WorkflowDetail" });

export type WorkflowJson = z.output<typeof workflowJson>;
export type WorkflowDetailJson = z.output<typeof workflowDetailJson>;

export const workflowOperations = {
  apply: operation("workflows.apply", {
    summary: "Store a workflow; the same content makes no new version",
    permission: "workflows:write",
    body: z.strictObject({ source }),
    result: z.object({
      workflow: workflowJson,
      created: z.boolean(),
      /** What became of the schedules in the file, and of those that were in it. */
      schedules: z.array(z.object({ name: z.string(), change: z.enum(["created", "changed", "unchanged", "removed"]) })),
    }),
    errors: ["revision_mismatch"],
    conditional: true,
  }),
  validate: operation("workflows.validate", {
    summary: "Check a workflow file without storing it; every fault with line and column",
    permission: "workflows:read",
    body: z.strictObject({ source }),
    result: z.object({ valid: z.boolean(), name: z.string().nullable(), faults: z.array(faultJson) }),
  }),
  list: operation("workflows.list", {
    summary: "List the newest version of each workflow, by name",
    permission: "workflows:read",
    query: z.strictObject(namePage),
    result: z.object({ items: z.array(workflowJson), nextCursor }),
  }),
  get: operation("workflows.get", {
    summary: "Show a workflow; name@2 or version=2 for an older version",
    permission: "workflows:read",
    params: nameParams,
    query: z.strictObject({ version: z.int().min(1).optional() }),
    result: workflowDetailJson,
    errors: ["not_found"],
  }),
  versions: operation("workflows.versions", {
    summary: "List the versions of a workflow, newest first",
    permission: "workflows:read",
    params: nameParams,
    query: z.strictObject({ before: z.int().min(1).optional(), limit: z.int().min(1).max(500).default(50) }),
    result: z.object({ items: z.array(workflowJson), nextBefore: z.int().nullable() }),
    errors: ["not_found"],
  }),
  disable: operation("workflows.disable", {
    summary: "Take nothing new of a workflow; what has not begun is cancelled (jobs:cancel), what has begun goes on",
    permission: "workflows:write",
    params: nameParams,
    body: z.strictObject({ reason: z.string().max(1_000).optional() }),
    result: z.object({
      workflow: workflowJson,
      /** Executions that had not begun. */
      cancelled: z.int(),
    }),
    errors: ["not_found"],
  }),
  enable: operation("workflows.enable", {
    summary: "Let a workflow be run again, from now on",
    permission: "workflows:write",
    params: nameParams,
    body: z.strictObject({}),
    result: workflowJson,
    errors: ["not_found"],
  }),
  delete: operation("workflows.delete", {
    summary: "Remove a workflow with all its versions; executions go on and stay as they are",
    permission: "workflows:write",
    params: nameParams,
    result: z.object({ removed: z.int() }),
    errors: ["not_found", "revision_mismatch"],
    conditional: true,
  }),
  run: operation("workflows.run", {
    summary: "Run a stored workflow by name (or name@version), or the text of a file; answers at once",
    permission: "workflows:run",
    body: z.strictObject({
      /** Of a stored workflow, or `name@version`. Either this or `source`. */
      name: z.string().min(1).max(256).optional(),
      /** The text of a workflow file, which is run without being stored. */
      source: source.optional(),
      /** By the names of its inputs. */
      input: mapOf(z.string(), jsonValue).default({}),
      /** What carries its containers out, whatever the file says; `process` runs their commands without the images. */
      executor: z.enum(["docker", "kubernetes", "process"]).optional(),
      queue: z.string().optional(),
      priority: z.int().optional(),
      labels: labels.optional(),
      idempotencyKey: z.string().min(1).max(255).optional(),
      notBefore: time.optional(),
      startDeadline: time.optional(),
    }),
    result: submittedJson,
    status: 201,
    errors: ["not_found", "idempotency_mismatch", "conflict", "workflow_disabled"],
  }),
} as const;
