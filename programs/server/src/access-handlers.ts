/** The operations on workspaces, roles and tokens, and who did what. */
import type { AuditJson, RoleJson, TokenJson, WorkspaceJson } from "@windlass/contract";
import {
  BUILT_IN_ROLES,
  builtInRoles,
  PERMISSIONS,
  permissions,
  permissionsOfRole,
  tokenStateOf,
  type AuditEntry,
  type Role,
  type Token,
  type Workspace,
} from "@windlass/kernel";
import { definedOnly } from "./defined-only.ts";
import { pageOf } from "./page-of.ts";
import { isoTime, maybeTime } from "./present-job.ts";
import type { AllHandlers, ServerContext } from "./server-context.ts";

type AccessHandlers = Pick<AllHandlers, "workspaces" | "roles" | "tokens" | "audit">;

export function accessHandlers(server: ServerContext): AccessHandlers {
  return { ...workspacesAndRoles(server), tokens: tokenHandlers(server), audit: auditHandlers(server) };
}

function workspacesAndRoles({ engine: { access } }: ServerContext): Pick<AccessHandlers, "workspaces" | "roles"> {
  return {
    workspaces: {
      list: async ({ query }, { principal }) =>
        pageOf((await access.workspaces.list(principal)).map(presentWorkspace), query, ({ name }) => name),
      create: async ({ body }, { principal }) => presentWorkspace(await access.workspaces.create(body.name, principal)),
      async delete({ params }) {
        await access.workspaces.remove(params.name);
        return { name: params.name };
      },
    },
    roles: {
      list: async ({ query }) => ({
        ...pageOf([...BUILT_IN, ...(await access.roles.list()).map(presentRole)], query, ({ name }) => name),
        permissions: permissions.map((name) => ({ name, meaning: PERMISSIONS[name].meaning })),
      }),
      create: async ({ body }, { principal }) => presentRole(await access.roles.create(body, principal)),
      async delete({ params }) {
        await access.roles.remove(params.name);
        return { name: params.name };
      },
    },
  };
}

function tokenHandlers({ engine: { access, context } }: ServerContext): AccessHandlers["tokens"] {
  const present = (token: Token): TokenJson => presentToken(token, context.now());
  return {
    async list({ query: { all, limit, cursor = "" } }, { principal }) {
      const now = context.now();
      const found = (await access.tokens.list(principal)).filter(
        (token) => token.id > cursor && (all || tokenStateOf(token, now) === "active"),
      );
      const items = found.slice(0, limit).map(present);
      return { items, nextCursor: found.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    async create({ body: { workspaces, expiresAt, ...rest } }, { principal, workspace }) {
      const { token, secret } = await access.tokens.create(
        {
          ...rest,
          workspaces: workspaces === "all" ? null : (workspaces ?? [workspace]),
          expiresAt: expiresAt === undefined ? null : Date.parse(expiresAt),
        },
        principal,
      );
      return { token: present(token), secret };
    },
    revoke: async ({ params }, { principal }) => present(await access.tokens.revoke(params.id, principal)),
  };
}

function auditHandlers({ engine: { audit } }: ServerContext): AccessHandlers["audit"] {
  return {
    async list({ query: { workspace, since, until, cursor, limit, ...rest } }, { principal: { workspaces: own } }) {
      const wanted = workspace === undefined ? own : [workspace].filter((name) => own === null || own.includes(name));
      if (wanted?.length === 0) return { items: [], nextCursor: null };
      const filter = {
        ...rest,
        workspaces: wanted,
        since: since === undefined ? undefined : Date.parse(since),
        until: until === undefined ? undefined : Date.parse(until),
        after: cursor,
        limit: limit + 1,
      };
      const found = await audit.list(definedOnly(filter));
      const items = found.slice(0, limit).map(presentEntry);
      return { items, nextCursor: found.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
  };
}

const BUILT_IN: readonly RoleJson[] = builtInRoles.map((name) => ({
  name,
  builtIn: true,
  meaning: BUILT_IN_ROLES[name].meaning,
  permissions: [...permissionsOfRole(name)],
  createdBy: null,
  createdAt: null,
}));

function presentWorkspace({ name, createdBy, createdAt }: Workspace): WorkspaceJson {
  return { name, createdBy, createdAt: maybeTime(createdAt) };
}

function presentRole({ name, permissions: granted, createdBy, createdAt }: Role): RoleJson {
  return { name, builtIn: false, meaning: null, permissions: [...granted], createdBy, createdAt: isoTime(createdAt) };
}

/** Field by field: the hash stays here. */
function presentToken(token: Token, now: number): TokenJson {
  return {
    id: token.id,
    name: token.name,
    state: tokenStateOf(token, now),
    roles: [...token.roles],
    permissions: [...token.permissions],
    workspaces: token.workspaces === null ? null : [...token.workspaces],
    createdBy: token.createdBy,
    createdAt: isoTime(token.createdAt),
    expiresAt: maybeTime(token.expiresAt),
    lastUsedAt: maybeTime(token.lastUsedAt),
    revokedBy: token.revokedBy,
    revokedAt: maybeTime(token.revokedAt),
  };
}

function presentEntry({ at, ...entry }: AuditEntry): AuditJson {
  return { ...entry, at: isoTime(at) };
}
