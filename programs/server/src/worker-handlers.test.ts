/** What is told of who carries jobs out, and to whom: hosts and names of tokens belong to who may see them. */
import { ADMIN, type Holder } from "@windlass/engine";
import { permissions, queueKeyOf, queuesServed } from "@windlass/kernel";
import type { Session } from "@windlass/ports";
import { client, type Client } from "@windlass/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BASE, testServer, type TestServer } from "./server-fixture.ts";

const admin: Holder = { id: ADMIN, name: ADMIN, permissions: new Set(permissions), workspaces: null };
let server: TestServer;

/** By what they are called here: a server, one that serves a queue of everybody, and workers that came with tokens. */
const SESSIONS = {
  server: { role: "server", queue: queuesServed() },
  shared: { role: "launcher", queue: queuesServed("gpu") },
  both: { role: "worker", queue: queueKeyOf("own", "mail"), also: queueKeyOf("foreign", "mail") },
  local: { role: "worker", queue: queueKeyOf("own", "mail"), owner: "of-own" },
  wide: { role: "worker", queue: queueKeyOf("own", "mail"), owner: "of-all" },
  admins: { role: "worker", queue: queueKeyOf("own", "mail"), owner: ADMIN },
  elsewhere: { role: "worker", queue: queueKeyOf("foreign", "mail"), owner: "of-all" },
} as const satisfies Record<
  string,
  { readonly role: Session["role"]; readonly queue: string; readonly also?: string; readonly owner?: string }
>;

beforeAll(async () => {
  server = await testServer();
  const { access, context } = server.engine;
  for (const name of ["own", "foreign"]) await access.workspaces.create(name, admin);
  const ids = new Map<string, string>([[ADMIN, ADMIN]]);
  for (const [name, workspaces] of [
    ["of-own", ["own"]],
    ["of-all", null],
  ] as const)
    ids.set(name, (await made(name, { roles: ["worker"], workspaces })).id);
  for (const [id, { role, queue, ...more }] of Object.entries(SESSIONS)) {
    const serves = [queue, ...("also" in more ? [more.also] : [])].map((key) => ({ executor: "handler", queue: key }) as const);
    const owner = "owner" in more ? (ids.get(more.owner) ?? null) : null;
    const [startedAt, host] = [context.now(), `host-of-${id}`];
    const place = role === "launcher" ? `place-of-${id}` : null;
    await context.store.sessions.open({ id, role, place, serves, startedAt, expiresAt: startedAt + 3_600_000, host, owner });
  }
});
afterAll(() => server.close());

interface Given {
  readonly roles?: readonly string[];
  readonly permissions?: readonly string[];
  readonly workspaces: readonly string[] | null;
}

async function made(name: string, { roles = [], permissions: some = [], workspaces }: Given) {
  const { token, secret } = await server.engine.access.tokens.create(
    { name, roles, permissions: some, workspaces, expiresAt: null },
    admin,
  );
  return { id: token.id, secret };
}

async function asking(name: string, given: Given): Promise<Client> {
  const { secret } = await made(name, given);
  return client({ url: BASE, token: secret, workspace: "own", fetch: (url, init) => server.app.fetch(new Request(url, init)) });
}

/** Host and token of each, as a list and as one of them tells it; both say the same. The place of a launcher is told with its host. */
async function told(api: Client): Promise<Readonly<Record<string, readonly [host: string | null, token: string | null]>>> {
  const { items } = await api.workers.list();
  const ours = items.filter(({ id }) => Object.hasOwn(SESSIONS, id));
  for (const { id, role, host, place, token } of ours) {
    expect(await api.workers.get({ id })).toMatchObject({ host, place, token });
    expect(place).toBe(role === "launcher" && host !== null ? `place-of-${id}` : null);
  }
  return Object.fromEntries(ours.map(({ id, host, token }) => [id, [host, token] as const]));
}

test("who may read in one workspace is told neither hosts of what serves others, nor a token", async () => {
  const seen = await told(await asking("reader", { roles: ["read"], workspaces: ["own"] }));
  expect(seen).toEqual({
    server: [null, null],
    shared: [null, null],
    both: [null, null],
    local: ["host-of-local", null],
    wide: ["host-of-wide", null],
    admins: ["host-of-admins", null],
  });
});

test("an administrator of one workspace is told the names of the tokens that he may see", async () => {
  const seen = await told(await asking("local-admin", { roles: ["admin"], workspaces: ["own"] }));
  expect(seen).toMatchObject({
    server: [null, null],
    shared: [null, null],
    both: [null, null],
    local: ["host-of-local", "of-own"],
    wide: ["host-of-wide", null],
    admins: ["host-of-admins", null],
  });
});

test("who may read in all workspaces is told the hosts, and with tokens:read the names", async () => {
  const hosts = Object.keys(SESSIONS).filter((id) => id !== "elsewhere");
  const reader = await told(await asking("wide-reader", { roles: ["read"], workspaces: null }));
  expect(reader).toEqual(Object.fromEntries(hosts.map((id) => [id, [`host-of-${id}`, null]])));
  const seer = await told(await asking("seer", { permissions: ["workers:read", "tokens:read"], workspaces: null }));
  expect(Object.entries(seer).flatMap(([id, [, token]]) => (token === null ? [] : [[id, token]]))).toEqual([
    ["admins", ADMIN],
    ["local", "of-own"],
    ["wide", "of-all"],
  ]);
});
