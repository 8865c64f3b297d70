/** What can be done with workspaces, roles and tokens over the API, and who did what. */
import { permissions } from "@windlass/kernel";
import * as z from "zod";
import { idCursor, idParams, namePage, nameParams, nextCursor, time } from "./json-schema.ts";
import { operation } from "./operation.ts";

/** Roles or permissions that one request may name. */
const NAMED_MAX = 100;
const WORKSPACES_MAX = 1_000;
// One more than may be: the rules of names in the engine tell what is wrong with it.
/** 1 to 63 lower-case letters, digits and `-`, beginning with a letter and not ending with `-`. */
const name = z.string().min(1).max(64);

export const workspaceJson = z
  .object({
    name: z.string(),
    /** Null of `default`, which nobody made. */
    createdBy: z.string().nullable(),
    createdAt: time.nullable(),
  })
  .meta({ id: "Workspace" });

export const roleJson = z
  .object({
    name: z.string(),
    /** True of those that are always there. */
    builtIn: z.boolean(),
    meaning: z.string().nullable(),
    permissions: z.array(z.string()),
    createdBy: z.string().nullable(),
    createdAt: time.nullable(),
  })
  .meta({ id: "Role" });

/** A token without its secret. */
export const tokenJson = z
  .object({
    id: z.string(),
    name: z.string(),
    state: z.enum(["active", "expired", "revoked"]),
    roles: z.array(z.string()),
    permissions: z.array(z.string()),
    /** Null: all, also those that are made later. */
    workspaces: z.array(z.string()).nullable(),
    createdBy: z.string(),
    createdAt: time,
    expiresAt: time.nullable(),
    /** To about a minute. */
    lastUsedAt: time.nullable(),
    revokedBy: z.string().nullable(),
    revokedAt: time.nullable(),
  })
  .meta({ id: "Token" });

export const auditJson = z
  .object({
    id: z.string(),
    at: time,
    workspace: z.string(),
    actorId: z.string(),
    actorName: z.string(),
    operation: z.string(),
    /** Id or name of what it was about. */
    object: z.string().nullable(),
    /** `ok`, or the code of the refusal. */
    outcome: z.string(),
    requestId: z.string(),
  })
  .meta({ id: "AuditEntry" });

export type WorkspaceJson = z.output<typeof workspaceJson>;
export type RoleJson = z.output<typeof roleJson>;
export type TokenJson = z.output<typeof tokenJson>;
export type AuditJson = z.output<typeof auditJson>;

export const workspaceOperations = {
  list: operation("workspaces.list", {
    summary: "List the workspaces that the token may use",
    permission: "workspaces:read",
    query: z.strictObject(namePage),
    result: z.object({ items: z.array(workspaceJson), nextCursor }),
  }),
  create: operation("workspaces.create", {
    summary: "Make a workspace",
    permission: "workspaces:write",
    reach: "server",
    body: z.strictObject({ name }),
    result: workspaceJson,
    status: 201,
    errors: ["conflict"],
  }),
  delete: operation("workspaces.delete", {
    summary: "Delete a workspace in which nothing is",
    permission: "workspaces:write",
    reach: "server",
    params: nameParams,
    result: z.object({ name: z.string() }),
    errors: ["not_found", "conflict"],
  }),
} as const;

export const roleOperations = {
  list: operation("roles.list", {
    summary: "List roles by name with what they may do, and all permissions there are",
    permission: "roles:read",
    query: z.strictObject(namePage),
    result: z.object({
      items: z.array(roleJson),
      nextCursor,
      /** On every page the same. */
      permissions: z.array(z.object({ name: z.enum(permissions), meaning: z.string() })),
    }),
  }),
  create: operation("roles.create", {
    summary: "Make a role, with no more permissions than the token has",
    permission: "roles:write",
    reach: "server",
    body: z.strictObject({ name, permissions: z.array(z.string()).min(1).max(NAMED_MAX) }),
    result: roleJson,
    status: 201,
    errors: ["conflict"],
  }),
  delete: operation("roles.delete", {
    summary: "Delete a role that no token has",
    permission: "roles:write",
    reach: "server",
    params: nameParams,
    result: z.object({ name: z.string() }),
    errors: ["not_found", "conflict"],
  }),
} as const;

export const tokenOperations = {
  list: operation("tokens.list", {
    summary: "List the tokens for workspaces that this token may use, oldest first; never their secrets",
    permission: "tokens:read",
    query: z.strictObject({
      /** Also those that have expired or were revoked. */
      all: z.boolean().default(false),
      limit: z.int().min(1).max(500).default(100),
      cursor: idCursor("tok").optional(),
    }),
    result: z.object({ items: z.array(tokenJson), nextCursor: z.string().nullable() }),
  }),
  create: operation("tokens.create", {
    summary: "Make a token, with no more than this token has; its secret is shown this once",
    permission: "tokens:write",
    body: z.strictObject({
      name,
      /** What it may do: roles, single permissions, or both. */
      roles: z.array(z.string()).max(NAMED_MAX).default([]),
      permissions: z.array(z.string()).max(NAMED_MAX).default([]),
      /** The workspace of the call when left out. */
      workspaces: z.union([z.array(z.string()).min(1).max(WORKSPACES_MAX), z.literal("all")]).optional(),
      /** It is good until then; for ever when left out. */
      expiresAt: time.optional(),
    }),
    result: z.object({
      token: tokenJson,
      /** What is sent as bearer token; told this once. */
      secret: z.string(),
    }),
    secret: true,
    status: 201,
    errors: ["not_found", "conflict"],
  }),
  revoke: operation("tokens.revoke", {
    summary: "Revoke a token, by id or by name; it opens nothing any more",
    permission: "tokens:write",
    params: idParams,
    body: z.strictObject({}),
    result: tokenJson,
    errors: ["not_found"],
  }),
} as const;

export const auditOperations = {
  list: operation("audit.list", {
    summary: "List who changed what, and who was refused, newest first, in the workspaces that the token may use",
    permission: "audit:read",
    query: z.strictObject({
      /** All that the token may use when left out. */
      workspace: z.string().optional(),
      /** Id or name of a token. */
      actor: z.string().optional(),
      /** For example `jobs.cancel`. */
      operation: z.string().optional(),
      /** Id or name of what it was about. */
      object: z.string().optional(),
      /** `ok`, or the code of a refusal. */
      outcome: z.string().optional(),
      since: time.optional(),
      until: time.optional(),
      limit: z.int().min(1).max(500).default(50),
      cursor: idCursor("aud").optional(),
    }),
    result: z.object({ items: z.array(auditJson), nextCursor: z.string().nullable() }),
  }),
} as const;
