/** Who changed what is written down, with how it went; what only looks is not. */
import { isChanging, operationList } from "@windlass/contract";
import { permissions } from "@windlass/kernel";
import { parked, type Holder } from "@windlass/engine";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BASE, testServer, type TestServer } from "./server-fixture.ts";

const admin: Holder = { id: "admin", name: "admin", permissions: new Set(permissions), workspaces: null };
let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const submission = { name: "greet", executor: "handler", spec: { handler: "greet" }, input: { password: "hunter2" } } as const;
const newest = async (filter = {}): Promise<object | undefined> => (await server.api.audit.list({ limit: 1, ...filter })).items[0];

test("a change is written with who, what, about what, where and by which request", async () => {
  const answer = await server.ask("POST", "/api/v1/jobs", { body: submission });
  const { id } = (await answer.json()) as { readonly id: string };
  expect(await newest()).toEqual({
    id: expect.stringMatching(/^aud_/u),
    at: expect.any(String),
    workspace: "default",
    actorId: "admin",
    actorName: "admin",
    operation: "jobs.submit",
    object: id,
    outcome: "ok",
    requestId: answer.headers.get("x-request-id"),
  });
  await server.api.jobs.cancel({ id });
  expect(await newest()).toMatchObject({ operation: "jobs.cancel", object: id, outcome: "ok" });
  await server.ask("POST", "/api/v1/job-batches", { body: { jobs: [submission, submission] } });
  expect(await newest()).toMatchObject({ operation: "jobs.submitMany", object: "2 jobs" });
  await server.api.jobs.cancelMany({ name: "greet", state: ["queued"], dryRun: true });
  expect(await newest()).toMatchObject({ operation: "jobs.cancelMany", object: "2 jobs, a dry run" });
  await server.api.jobs.cancelMany({ name: "greet", state: ["queued"] });
  expect(await newest()).toMatchObject({ operation: "jobs.cancelMany", object: "2 jobs" });
});

test("refusals are written with their code, whatever the reason", async () => {
  await server.ask("POST", "/api/v1/jobs/job_none/cancel", { body: {} });
  expect(await newest()).toMatchObject({ operation: "jobs.cancel", object: "job_none", outcome: "not_found" });
  await server.ask("POST", "/api/v1/jobs", { body: { name: 3 } });
  expect(await newest()).toMatchObject({ operation: "jobs.submit", object: null, outcome: "invalid" });
  const { secret } = await server.engine.access.tokens.create(
    { name: "looker", roles: ["read"], permissions: [], workspaces: ["default"], expiresAt: null },
    admin,
  );
  await server.ask("POST", "/api/v1/tokens", { body: { name: "evil", roles: ["none"] } });
  expect(await newest()).toMatchObject({ operation: "tokens.create", object: "evil", outcome: "invalid" });
  await server.ask("DELETE", "/api/v1/jobs/job_1", { headers: { authorization: `Bearer ${secret}` } });
  expect(await newest()).toMatchObject({ actorName: "looker", operation: "jobs.delete", object: "job_1", outcome: "forbidden" });
  await server.app.fetch(new Request(`${BASE}/api/v1/jobs/job_1`, { method: "DELETE" }));
  expect(await newest()).toMatchObject({ actorId: "none", actorName: "unknown", operation: "jobs.delete", outcome: "unauthorized" });
});

test("a completion is written in the workspace of its job, though its token names nobody", async () => {
  await server.engine.access.workspaces.create("acme", admin);
  let token = "";
  const worker = server.engine.worker({
    workspace: "acme",
    handlers: {
      greet: async (context) => {
        token = await context.completionToken();
        return parked();
      },
    },
  });
  await worker.start();
  const { id } = await server.engine.jobs.submit({ ...submission, kind: "task", workspace: "acme" });
  const headers = { "windlass-workspace": "acme" };
  const watch = await server.ask("GET", `/api/v1/jobs/${id}/watch`, { headers });
  for await (const chunk of watch.body as AsyncIterable<Uint8Array>)
    if (/"type":"job.waiting"|"state":"waiting"/u.test(new TextDecoder().decode(chunk))) break;
  await server.ask("POST", "/api/v1/completions", { body: { token, output: "secret output" } });
  expect(await newest({ workspace: "acme" })).toMatchObject({
    actorId: "completion",
    operation: "jobs.complete",
    object: id,
    outcome: "ok",
  });
  await worker.stop();
});

test("neither bodies nor secrets are stored", async () => {
  const made = await server.api.tokens.create({ name: "deploy", roles: ["write"] });
  expect(await newest()).toMatchObject({ operation: "tokens.create", object: made.token.id });
  const { store } = server.engine.context;
  const text = JSON.stringify([await store.audit.list({ workspaces: null, limit: 1_000 }), await store.tokens.list()]);
  for (const word of ["hunter2", "secret output", made.secret.slice(3), server.parts.adminToken]) expect(text).not.toContain(word);
});

test("what only looks is not written; what changes, is", () => {
  for (const operation of operationList)
    if (operation.method === "GET" || operation.permission?.endsWith(":read") === true)
      expect(isChanging(operation), operation.id).toBe(false);
    else expect(isChanging(operation), operation.id).toBe(true);
});

test("the list is filtered and continues behind its cursor, within the workspaces of the token", async () => {
  const first = await server.api.audit.list({ limit: 2 });
  const second = await server.api.audit.list({ limit: 2, cursor: first.nextCursor ?? "" });
  expect(new Set([...first.items, ...second.items].map(({ id }) => id)).size).toBe(4);
  const { secret } = await server.engine.access.tokens.create(
    { name: "auditor", roles: [], permissions: ["audit:read"], workspaces: ["acme"], expiresAt: null },
    admin,
  );
  const asked = async (query: string): Promise<{ items: { workspace: string }[] }> =>
    (await server.ask("GET", `/api/v1/audit${query}`, { headers: { authorization: `Bearer ${secret}` } })).json() as never;
  expect((await asked("")).items.map(({ workspace }) => workspace)).toEqual(["acme"]);
  expect(await asked("?workspace=default")).toEqual({ items: [], nextCursor: null });
  expect((await server.api.audit.list({ actor: "looker" })).items).toHaveLength(1);
});
