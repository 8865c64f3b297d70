/** Queues, workflows, health, metrics: what is small. */
import { operations } from "@windlass/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BASE, testServer, type TestServer } from "./server-fixture.ts";

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
  await server.work({ echo: ({ input }) => input, greet: () => "hi" });
});
afterAll(() => server.close());

const source = (steps: string[], name = "hello"): string => JSON.stringify({ name, steps });

test("a workflow is stored by name; only another content makes a new version", async () => {
  const { api } = server;
  const first = await api.workflows.apply({ source: source(["echo"]) });
  operations.workflows.apply.result.parse(first);
  expect(first).toMatchObject({ created: true, workflow: { name: "hello", version: 1 } });
  expect(await api.workflows.apply({ source: source(["echo"]) })).toMatchObject({ created: false, workflow: { version: 1 } });
  expect(await api.workflows.apply({ source: source(["echo", "greet"]) })).toMatchObject({ created: true, workflow: { version: 2 } });
  expect((await api.workflows.list()).items.map(({ name, version }) => [name, version])).toEqual([["hello", 2]]);
  const older = await api.workflows.get({ name: "hello@1" });
  operations.workflows.get.result.parse(older);
  expect(older.definition).toEqual({ name: "hello", steps: ["echo"] });
  expect(await api.workflows.get({ name: "hello", version: 1 })).toEqual(older);
});

test("what is not stored is told with what is near", async () => {
  const { api } = server;
  await expect(api.workflows.get({ name: "helo" })).rejects.toMatchObject({
    code: "not_found",
    message: expect.stringContaining('did you mean "hello"'),
  });
  await expect(api.workflows.get({ name: "hello@9" })).rejects.toMatchObject({
    code: "not_found",
    message: expect.stringContaining("the newest is 2"),
  });
  await expect(api.workflows.get({ name: "hello@x" })).rejects.toMatchObject({ code: "invalid" });
});

test("faults of a workflow come with their place, whether checked or applied", async () => {
  const fault = { path: "", message: "not a workflow", line: 1, column: 2 };
  expect(await server.api.workflows.validate({ source: "{" })).toEqual({ valid: false, name: null, faults: [fault] });
  expect(await server.api.workflows.validate({ source: source([]) })).toEqual({ valid: true, name: "hello", faults: [] });
  await expect(server.api.workflows.apply({ source: "{" })).rejects.toMatchObject({ code: "invalid", faults: [fault] });
});

test("running a workflow answers at once, and shows its steps in order", async () => {
  const { api } = server;
  const { id, job } = await api.workflows.run({ name: "hello", input: { a: 1 }, labels: { by: "test" } });
  expect(job).toMatchObject({ kind: "workflow", name: "hello", finishedAt: null, labels: { by: "test" } });
  const done = await api.wait(id);
  operations.jobs.get.result.parse(done);
  expect(done).toMatchObject({ state: "succeeded", output: ["echo", "greet"], input: { a: 1 }, stepsCut: false });
  expect(done.steps).toMatchObject([
    { name: "echo", key: "echo", state: "succeeded", output: null, attempts: 1 },
    { name: "greet", key: "greet", state: "succeeded", output: "hi" },
  ]);
  expect((await api.jobs.list({ rootId: id, rootsOnly: true })).items.map((one) => one.id)).toEqual([id]);
  await expect(api.jobs.retry({ id: done.steps?.[0]?.id ?? "" })).rejects.toMatchObject({ code: "conflict" });
});

test("a file is run without being stored; wrong inputs and both or neither name are refused", async () => {
  const { api } = server;
  const { id } = await api.workflows.run({ source: source(["greet"], "once"), idempotencyKey: "run-1" });
  expect(await api.workflows.run({ source: source(["greet"], "once"), idempotencyKey: "run-1" })).toMatchObject({ id, created: false });
  expect((await api.wait(id)).state).toBe("succeeded");
  expect((await api.workflows.list()).items.map((one) => one.name)).not.toContain("once");
  await expect(api.workflows.run({ name: "hello", input: { wrong: 1 } })).rejects.toMatchObject({
    code: "invalid",
    faults: [{ path: "input.wrong" }],
  });
  await expect(api.workflows.run({})).rejects.toMatchObject({ code: "invalid" });
  await expect(api.workflows.run({ name: "hello", source: source([]) })).rejects.toMatchObject({ code: "invalid" });
});

test("a paused queue holds its jobs until it is resumed", async () => {
  const { api } = server;
  expect(await api.queues.put({ name: "default", paused: true, concurrencyLimit: 3 })).toMatchObject({
    paused: true,
    pausedBy: "admin",
    concurrencyLimit: 3,
  });
  const { id } = await api.jobs.submit({ name: "echo", executor: "handler", spec: { handler: "echo" } });
  expect((await api.jobs.explain({ id })).causes[0]).toMatchObject({ reason: "queue_paused", object: "default" });
  expect(await api.queues.get({ name: "default" })).toMatchObject({ queued: 1 });
  const resumed = await api.queues.put({ name: "default", paused: false, concurrencyLimit: null });
  operations.queues.put.result.parse(resumed);
  expect(resumed).toMatchObject({ paused: false, pausedBy: null, concurrencyLimit: null });
  expect((await api.wait(id)).state).toBe("succeeded");
});

test("a rate holds jobs back until the time that explain tells, and lets them go on by itself; all faults of a setting are told at once", async () => {
  const { api } = server;
  const rateLimit = { limit: 1, perSeconds: 1 };
  expect(await api.queues.put({ name: "default", rateLimit, keyConcurrencyLimit: 4 })).toMatchObject({ rateLimit, keyConcurrencyLimit: 4 });
  const job = { name: "echo", executor: "handler", spec: { handler: "echo" }, fairnessKey: "tenant-1" } as const;
  const first = await api.jobs.submit(job);
  const second = await api.jobs.submit(job);
  expect(second.job).toMatchObject({ fairnessKey: "tenant-1" });
  await api.wait(first.id);
  const { causes } = await api.jobs.explain({ id: second.id });
  expect(causes[0]).toMatchObject({ reason: "rate_limit", object: "default" });
  expect(causes[0]?.message).toMatch(/^queue "default" starts 1 job in 1 s at most; the next may start at 2\d{3}-/u);
  expect((await api.wait(second.id)).state).toBe("succeeded");
  await api.queues.put({ name: "default", rateLimit: null, keyConcurrencyLimit: null });
  await expect(
    api.queues.put({ name: "default", rateLimit: { limit: 0, perSeconds: 1 }, keyConcurrencyLimit: 0, concurrencyLimit: -1 }),
  ).rejects.toMatchObject({
    code: "invalid",
    faults: [{ path: "concurrencyLimit" }, { path: "rateLimit.limit" }, { path: "keyConcurrencyLimit" }],
  });
});

test("queues are listed; one that is not there is told with what is near; a wrong name is refused", async () => {
  const { api } = server;
  const all = await api.queues.list();
  operations.queues.list.result.parse(all);
  expect(all.items.map((queue) => queue.name)).toContain("default");
  await expect(api.queues.get({ name: "defualt" })).rejects.toMatchObject({
    code: "not_found",
    message: expect.stringContaining('did you mean "default"'),
  });
  await expect(api.queues.put({ name: "No Way", paused: true })).rejects.toMatchObject({ code: "invalid", faults: [{ path: "name" }] });
  expect(await api.queues.put({ name: "mail/out", paused: true })).toMatchObject({ name: "mail/out" });
});

test("the server tells what it is", async () => {
  const info = await server.api.system.info();
  operations.system.info.result.parse(info);
  expect(info).toMatchObject({ version: "0.0.0-test", store: "sqlite", executors: ["handler"] });
  expect(info.jobs.succeeded).toBeGreaterThan(0);
});

test("health and metrics are open; metrics tell requests by operation and jobs by state", async () => {
  for (const path of ["/healthz", "/readyz"]) expect((await server.app.fetch(new Request(BASE + path))).status).toBe(200);
  const text = await (await server.app.fetch(new Request(`${BASE}/metrics`))).text();
  expect(text).toMatch(/windlass_http_requests_total\{operation="workflows.run",status="201"\} \d+/u);
  expect(text).toMatch(/windlass_jobs\{state="succeeded"\} [1-9]/u);
  expect(text).toContain("nodejs_eventloop_lag_seconds");
});

test("metrics want a token for all workspaces where they are told to: they sum over all of them", async () => {
  const closed = await testServer({ openMetrics: false });
  expect((await closed.app.fetch(new Request(`${BASE}/metrics`))).status).toBe(401);
  expect((await closed.ask("GET", "/metrics")).status).toBe(200);
  const { secret } = await closed.api.tokens.create({ name: "local", roles: ["admin"] });
  const answer = await closed.ask("GET", "/metrics", { headers: { authorization: `Bearer ${secret}` } });
  expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining("concerns all workspaces")]);
  await closed.close();
});

test("a server whose store is gone is alive but not ready", async () => {
  const other = await testServer();
  await other.engine.stop();
  await other.engine.context.store.close();
  expect((await other.app.fetch(new Request(`${BASE}/healthz`))).status).toBe(200);
  expect((await other.app.fetch(new Request(`${BASE}/readyz`))).status).toBe(503);
  await other.close();
});
