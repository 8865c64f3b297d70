/** What can be done with secrets over the API. None of it ever answers a value. */
import * as z from "zod";
import { nameParams, time } from "./json-schema.ts";
import { operation } from "./operation.ts";

/** A secret without its value. */
export const secretJson = z
  .object({
    name: z.string(),
    scope: z.enum(["workspace", "workflow"]),
    /** Whose it is; null of the workspace's own. */
    workflow: z.string().nullable(),
    /** Counts its values from 1. */
    version: z.int(),
    /** Of the key that it is sealed with. */
    keyId: z.string(),
    /** False: the server that answers does not have that key. */
    readable: z.boolean(),
    createdBy: z.string(),
    createdAt: time,
    /** Of its value. */
    changedBy: z.string(),
    changedAt: time,
  })
  .meta({ id: "Secret" });

export type SecretJson = z.output<typeof secretJson>;

const workflow = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/u, "it must be the name of a workflow: lower-case letters, digits and . _ -");
/** Longer ones are refused by their bytes, with what is allowed. */
const VALUE_LENGTH_MAX = 1_048_576;

export const secretOperations = {
  list: operation("secrets.list", {
    summary: "List secrets by name, never their values",
    permission: "secrets:read",
    query: z.strictObject({
      /** Only those of this workflow. */
      workflow: workflow.optional(),
      limit: z.int().min(1).max(500).default(100),
      cursor: z.string().max(256).optional(),
    }),
    result: z.object({ items: z.array(secretJson), nextCursor: z.string().nullable() }),
  }),
  set: operation("secrets.set", {
    summary: "Set a secret, for all jobs of the workspace or for one workflow; its value is never shown again",
    permission: "secrets:write",
    params: nameParams,
    body: z.strictObject({
      value: z.string().max(VALUE_LENGTH_MAX).meta({ secret: true }),
      /** Of the workspace when left out. */
      workflow: workflow.optional(),
    }),
    result: z.object({
      secret: secretJson,
      /** False: it is too short to be masked in logs, which would be full of masks. */
      masked: z.boolean(),
    }),
    secret: true,
    errors: ["conflict", "secret_key_missing"],
  }),
  unset: operation("secrets.unset", {
    summary: "Remove a secret; what asks for it from now on fails",
    permission: "secrets:write",
    params: nameParams,
    query: z.strictObject({ workflow: workflow.optional() }),
    result: z.object({ name: z.string() }),
    errors: ["not_found"],
  }),
  rotate: operation("secrets.rotate", {
    summary: "Seal secrets of all workspaces with the current key, in batches: again as long as some are left",
    permission: "secrets:write",
    reach: "server",
    body: z.strictObject({}),
    result: z.object({
      keyId: z.string(),
      /** True when this call made that key. */
      made: z.boolean(),
      resealed: z.int(),
      /** Still sealed with another key. */
      left: z.int(),
      /** Of these, some that no key of the server opens. */
      unreadable: z.array(z.object({ workspace: z.string(), workflow: z.string().nullable(), name: z.string() })),
      /** Keys of the server that no secret is sealed with any more. */
      unused: z.array(z.string()),
    }),
    errors: ["secret_key_missing"],
  }),
} as const;
