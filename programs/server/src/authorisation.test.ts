/**
 * Who may do what, for every operation of the table: each role, a token with exactly the permission and one with all
 * others, no token and bad ones, on objects of the own and of another workspace. What is expected follows from the table
 * alone, so a new operation is tested without a line here; a new noun needs to say how one of it is made.
 */
import { operationList, type Operation } from "@windlass/contract";
import { ADMIN, type Holder } from "@windlass/engine";
import { builtInRoles, permissions, permissionsOfRole, queueKeyOf, type Permission } from "@windlass/kernel";
import type { Outbound } from "@windlass/ports";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bodyFor } from "./input-fixture.ts";
import { listenNoting, type Noting } from "./direct-fixture.ts";
import { isPlain } from "./direct-door.ts";
import { BASE, TOKEN, testServer, type TestServer } from "./server-fixture.ts";

const OWN = "own";
const FOREIGN = "foreign";
const INTERNAL_TOKEN = "an-internal-token-for-tests";
const admin: Holder = { id: ADMIN, name: ADMIN, permissions: new Set(permissions), workspaces: null };

let server: TestServer;
let socket: Noting;
let made = 0;
const secrets = new Map<string, string>();

beforeAll(async () => {
  server = await testServer({ internalToken: INTERNAL_TOKEN }, { outbound: DEAF });
  for (const name of [OWN, FOREIGN]) await server.engine.access.workspaces.create(name, admin);
  socket = await listenNoting(server.app);
});
afterAll(async () => {
  await socket.listening.close();
  await server.close();
});

/** Takes everything, and calls nobody. */
const DEAF: Outbound = { fault: () => null, post: async () => ({ status: 204, text: "" }) };

/** How one of each noun is made in a workspace, whose operations have it in their address. */
const MAKE: Readonly<Record<string, (workspace: string) => Promise<string>>> = {
  jobs: async (workspace) => {
    const request = { kind: "task", name: `in-${workspace}`, spec: { handler: "none" }, executor: "handler", workspace } as const;
    return (await server.engine.jobs.submit(request)).id;
  },
  workflows: async (workspace) => {
    const name = fresh(`${workspace}-flow`);
    await asAdmin(workspace, "POST /api/v1/workflows", { source: JSON.stringify({ name, steps: [] }) });
    return name;
  },
  schedules: async (workspace) => {
    const name = fresh(`${workspace}-schedule`);
    const job = { name: "nightly", executor: "handler", spec: { handler: "none" } };
    await asAdmin(workspace, "POST /api/v1/schedules", { name, cron: "0 0 1 1 *", job });
    return name;
  },
  queues: async (workspace) => {
    const name = fresh(`${workspace}-queue`);
    await asAdmin(workspace, `PUT /api/v1/queues/${name}`, { concurrencyLimit: 7 });
    return name;
  },
  deadLetters: async (workspace) => {
    const { context, jobs } = server.engine;
    const due = { startDeadline: context.now() - 1, deadLetter: true };
    const job = { kind: "task", name: `dead-in-${workspace}`, spec: { handler: "none" }, executor: "handler", workspace, ...due } as const;
    const { id } = await jobs.submit(job);
    await context.commit([{ type: "expire", id }]);
    return id;
  },
  tokens: async (workspace) => (await newToken(fresh(`${workspace}-token`), { roles: ["read"], workspaces: [workspace] })).id,
  workers: async (workspace) => {
    const id = fresh(`ses-${workspace}`);
    const { context } = server.engine;
    const serves = [{ executor: "handler", queue: queueKeyOf(workspace, `in-${workspace}`) }] as const;
    await context.store.sessions.open({
      id,
      role: "worker",
      place: null,
      serves,
      startedAt: context.now(),
      expiresAt: context.now() + 3_600_000,
    });
    return id;
  },
  secrets: async (workspace) => {
    const name = fresh(`${workspace}-secret`);
    await server.engine.secrets.set({ workspace, scope: "workspace", name }, "hunter2", "admin");
    return name;
  },
  webhooks: async (workspace) => {
    const name = fresh(`${workspace}-hook`);
    const request = { url: "https://hooks.example/x", filter: { types: [], kinds: [], names: [], outcomes: [], labels: {} } };
    await server.engine.webhooks.create({ workspace, name }, request, "ann");
    return name;
  },
  workspaces: async () => (await server.engine.access.workspaces.create(fresh("space"), admin)).name,
  roles: async () => (await server.engine.access.roles.create({ name: fresh("role"), permissions: ["jobs:read"] }, admin)).name,
};

/** What lists show of a workspace. */
const LISTED = ["jobs", "workflows", "schedules", "queues", "tokens", "workers", "secrets"];
/** What shows no names, only figures. */
const NAMELESS = ["jobs.counts"];

/** A queue or a secret is there as soon as somebody names it, so naming one of another workspace makes one's own. */
const THERE_BY_NAME = ["queues", "secrets"];

const protectedOperations = operationList.filter((operation) => operation.permission !== null) as readonly (Operation & {
  readonly permission: Permission;
})[];

const named = (operations: typeof protectedOperations) => operations.map((operation) => [operation.id, operation] as const);
const aboutOne = protectedOperations.filter(({ path, reach }) => path.includes("{") && reach === "workspace");
const lists = protectedOperations.filter(
  ({ method, path, response, reach }) => method === "GET" && !path.includes("{") && response === "json" && reach === "workspace",
);

// First: later tests make queues that are called after objects of the other workspace.
test.each(named(lists))("%s shows nothing of another workspace", async (_, operation) => {
  const names = await Promise.all(LISTED.map((noun) => objectOf(noun, FOREIGN)));
  const answer = await call(operation, { secret: await secretOf({ roles: ["admin"] }, [OWN]), object: null });
  expect(answer.status, answer.text).toBe(200);
  for (const name of [...names, FOREIGN]) expect(answer.text).not.toContain(name);
  // The same question in the other workspace: the test above would see it.
  if (LISTED.includes(nounOf(operation)) && !NAMELESS.includes(operation.id))
    expect((await call(operation, { secret: await secretOf({ roles: ["admin"] }, [FOREIGN]), object: null })).text).toContain(FOREIGN);
});

describe.each(named(protectedOperations))("%s", (_, operation) => {
  const { permission } = operation;

  test.each(["none", "unknown", "revoked", "expired"] as const)("is refused with a token that is: %s", async (kind) => {
    const answer = await call(operation, { secret: await badToken(kind), object: await objectIn(operation, OWN) });
    expect([answer.status, answer.code]).toEqual([401, "unauthorized"]);
  });

  const callers = [
    ...builtInRoles.map((role) => [`the role ${role}`, { roles: [role], may: permissionsOfRole(role).includes(permission) }] as const),
    ["exactly its permission", { permissions: [permission], may: true }] as const,
    ["every permission but its own", { permissions: permissions.filter((one) => one !== permission), may: false }] as const,
  ];
  test.each(callers)("answers a token with %s as the table says", async (_who, { may, ...grant }) => {
    const local = await call(operation, { secret: await secretOf(grant, [OWN]), object: await objectIn(operation, OWN) });
    const wide = await call(operation, { secret: await secretOf(grant, null), object: await objectIn(operation, OWN), workspace: OWN });
    expect(verdict(local), local.text).toBe(may && operation.reach === "workspace" ? "answered" : "forbidden");
    expect(verdict(wide), wide.text).toBe(may ? "answered" : "forbidden");
    if (!may) expect(local.text).toContain(permission);
  });

  test("does not let a token into a workspace that it is not for", async () => {
    const answer = await call(operation, {
      secret: await secretOf({ roles: ["admin"] }, [OWN]),
      object: await objectIn(operation, FOREIGN),
      workspace: FOREIGN,
    });
    expect([answer.status, answer.code]).toEqual([404, "not_found"]);
    expect(answer.text).toContain(`no workspace \\"${FOREIGN}\\"`);
  });
});

test.each(named(aboutOne))("%s does not know the objects of another workspace", async (_, operation) => {
  const object = await objectIn(operation, FOREIGN);
  const before = await snapshot(operation, object);
  const answer = await call(operation, { secret: await secretOf({ roles: ["admin"] }, [OWN]), object });
  if (!THERE_BY_NAME.includes(nounOf(operation))) expect([answer.status, answer.code], answer.text).toEqual([404, "not_found"]);
  expect(await snapshot(operation, object)).toBe(before);
});

test("what needs no token asks for none", async () => {
  for (const operation of operationList.filter(({ permission, internal }) => permission === null && !internal))
    expect((await call(operation, { secret: null, object: null })).status).not.toBe(401);
});

describe.each(operationList.filter(({ internal }) => internal).map((operation) => [operation.id, operation] as const))(
  "%s, of parts of Windlass that run elsewhere",
  (_, operation) => {
    test("takes the internal token and no other, not that of an administrator either", async () => {
      expect(verdict(await call(operation, { secret: INTERNAL_TOKEN, object: "1" }))).toBe("answered");
      const others = [
        null,
        "wl_0123456789",
        `${INTERNAL_TOKEN}x`,
        TOKEN,
        await secretOf({ roles: ["admin"] }, null),
        await badToken("revoked"),
      ];
      for (const secret of others) {
        const answer = await call(operation, { secret, object: "1" });
        expect([answer.status, answer.code]).toEqual([403, "forbidden"]);
      }
    });

    test("is closed where the server has no internal token", async () => {
      const closed = await testServer();
      const body = bodyFor(operation);
      const answer = await closed.app.fetch(
        new Request(`${BASE}${operation.path.replace(/\{\w+\}/gu, "1")}`, {
          method: operation.method,
          headers: { authorization: "Bearer " },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      );
      expect(answer.status).toBe(503);
      await closed.close();
    });
  },
);

test("the internal token opens nothing but its own routes", { timeout: 60_000 }, async () => {
  for (const operation of protectedOperations) {
    const answer = await call(operation, { secret: INTERNAL_TOKEN, object: await objectIn(operation, OWN) });
    expect([operation.id, answer.status]).toEqual([operation.id, 401]);
  }
});

test("the events of another workspace are not told", async () => {
  const [secret, stop] = [await secretOf({ roles: ["read"] }, [OWN]), new AbortController()];
  const answer = await server.app.fetch(
    new Request(`${BASE}/api/v1/events`, { headers: { authorization: `Bearer ${secret}` }, signal: stop.signal }),
  );
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const foreign = await objectOf("jobs", FOREIGN);
  const own = await objectOf("jobs", OWN);
  let text = "";
  while (!text.includes(own)) text += new TextDecoder().decode((await reader.read()).value);
  expect(text).not.toContain(foreign);
  stop.abort();
});

test("a workflow of another workspace cannot be run, nor its jobs be found by their parent", async () => {
  const secret = await secretOf({ roles: ["admin"] }, [OWN]);
  const [flow, job] = [await objectOf("workflows", FOREIGN), await objectOf("jobs", FOREIGN)];
  const run = await ask(secret, "POST /api/v1/executions", { body: { name: flow } });
  expect([run.status, run.code]).toEqual([404, "not_found"]);
  for (const query of [`rootId=${job}`, `parentId=${job}`, `name=in-${FOREIGN}`])
    expect((await ask(secret, `GET /api/v1/jobs?${query}`)).text).toContain('"items":[]');
});

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly text: string;
}

function verdict({ status, code }: Answer): string {
  if (status === 403) return code ?? "";
  return status === 401 || status === 404 || status >= 500 ? `${status} ${code}` : "answered";
}

function nounOf({ id }: Operation): string {
  return id.split(".")[0] ?? "";
}

async function objectIn(operation: Operation, workspace: string): Promise<string | null> {
  return operation.path.includes("{") ? objectOf(nounOf(operation), workspace) : null;
}

async function objectOf(noun: string, workspace: string): Promise<string> {
  const make = MAKE[noun];
  if (make === undefined) throw new Error(`operations have one of ${noun} in their address; say in MAKE how one is made`);
  return make(workspace);
}

/** The object as its own workspace sees it. */
async function snapshot(operation: Operation, object: string | null): Promise<string> {
  const noun = nounOf(operation);
  if (noun === "tokens") return JSON.stringify((await server.engine.context.store.tokens.list()).filter((token) => token.id === object));
  if (noun === "secrets") return JSON.stringify(await server.engine.secrets.list({ workspace: FOREIGN, limit: 500 }));
  const get = operationList.find(({ id }) => id === `${noun}.get`);
  if (get === undefined) throw new Error(`nothing shows one of ${noun}; say in snapshot how it is looked at`);
  return (await call(get, { secret: await secretOf({ roles: ["admin"] }, [FOREIGN]), object })).text;
}

interface Calling {
  readonly secret: string | null;
  readonly object: string | null;
  readonly workspace?: string;
}

async function call(operation: Operation, { secret, object, workspace }: Calling): Promise<Answer> {
  const { path, method } = operation;
  const sent = bodyFor(operation);
  return ask(secret, `${method} ${path.replace(/\{\w+\}/gu, object ?? "none")}`, { body: sent, workspace });
}

async function asAdmin(workspace: string, address: string, body: unknown): Promise<void> {
  const answer = await ask(await secretOf({ roles: ["admin"] }, [workspace]), address, { body });
  if (answer.status >= 300) throw new Error(answer.text);
}

interface Sent {
  readonly body?: unknown;
  readonly workspace?: string | undefined;
}

/** `address` is method and path. */
async function ask(secret: string | null, address: string, { body, workspace }: Sent = {}): Promise<Answer> {
  const [method = "", path = ""] = address.split(" ");
  const stop = new AbortController();
  const headers = {
    ...(secret === null ? {} : { authorization: `Bearer ${secret}` }),
    ...(workspace === undefined ? {} : { "windlass-workspace": workspace }),
    ...(body === undefined ? {} : { "content-type": "application/json" }),
  };
  const init = { method, headers, signal: stop.signal, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const answer = await fetch(socket.listening.url + path, init);
  const isStream = answer.headers.get("content-type")?.startsWith("text/event-stream") === true;
  const text = isStream ? "" : await answer.text();
  stop.abort();
  const code =
    answer.headers.get("content-type")?.startsWith("application/problem") === true
      ? (JSON.parse(text) as { code: string }).code
      : undefined;
  return { status: answer.status, code, text };
}

interface Wanted {
  readonly roles?: readonly string[];
  readonly permissions?: readonly string[];
}

/** One token for each kind, made when it is first asked for. */
async function secretOf({ roles = [], permissions: wanted = [] }: Wanted, workspaces: readonly string[] | null): Promise<string> {
  const key = JSON.stringify([roles, wanted, workspaces]);
  const known = secrets.get(key);
  if (known !== undefined) return known;
  const { secret } = await newToken(fresh("token"), { roles, permissions: wanted, workspaces });
  secrets.set(key, secret);
  return secret;
}

async function newToken(
  name: string,
  wanted: Wanted & { readonly workspaces: readonly string[] | null },
): Promise<{ readonly id: string; readonly secret: string }> {
  const { token, secret } = await server.engine.access.tokens.create(
    { name, roles: wanted.roles ?? [], permissions: wanted.permissions ?? [], workspaces: wanted.workspaces, expiresAt: null },
    admin,
  );
  return { id: token.id, secret };
}

async function badToken(kind: "none" | "unknown" | "revoked" | "expired"): Promise<string | null> {
  if (kind === "none") return null;
  if (kind === "unknown") return "wl_0123456789";
  const { access, context } = server.engine;
  const { id, secret } = await newToken(fresh("bad"), { roles: ["admin"], workspaces: null });
  if (kind === "revoked") await access.tokens.revoke(id, admin);
  else {
    const found = await context.store.tokens.byHash(context.sha256(secret));
    if (found === null) throw new Error("the token is not there");
    const old = {
      ...found,
      id: `${id.slice(0, -1)}!`,
      name: fresh("old"),
      hash: context.sha256(`${secret}-old`),
      expiresAt: context.now(),
    };
    if ((await context.store.tokens.add(old)) !== "added") throw new Error("the old token was not stored");
    return `${secret}-old`;
  }
  return secret;
}

function fresh(prefix: string): string {
  made++;
  return `${prefix}-${made}`;
}

test("a token that was revoked opens nothing from that moment on", async () => {
  const { id, secret } = await newToken(fresh("short"), { roles: ["read"], workspaces: [OWN] });
  expect((await ask(secret, "GET /api/v1/jobs")).status).toBe(200);
  await server.engine.access.tokens.revoke(id, admin);
  expect((await ask(secret, "GET /api/v1/jobs")).text).toContain("was revoked by admin");
});

test("a stream ends before the first event that a revoked token may not see", async () => {
  const { id, secret } = await newToken(fresh("short"), { roles: ["read"], workspaces: [OWN] });
  const answer = await server.app.fetch(new Request(`${BASE}/api/v1/events`, { headers: { authorization: `Bearer ${secret}` } }));
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const first = await objectOf("jobs", OWN);
  let text = "";
  while (!text.includes(first)) text += new TextDecoder().decode((await reader.read()).value);
  await server.engine.access.tokens.revoke(id, admin);
  const second = await objectOf("jobs", OWN);
  for (let read = await reader.read(); !read.done; read = await reader.read()) text += new TextDecoder().decode(read.value);
  expect(text).not.toContain(second);
});

test("all that may go past the web framework was asked for so", () => {
  const direct = new Set(socket.calls.filter(({ isDirect }) => isDirect).map(({ path }) => path));
  expect(operationList.filter(isPlain).filter(({ path }) => !direct.has(path))).toEqual([]);
});
