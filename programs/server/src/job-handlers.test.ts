import { parked, retryAfter } from "@windlass/engine";
import { operations } from "@windlass/contract";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { testServer, type TestServer } from "./server-fixture.ts";

let server: TestServer;
const tokens: string[] = [];

beforeAll(async () => {
  server = await testServer();
  await server.work({
    echo: ({ input }) => input,
    fail: () => {
      throw new Error("this cannot work");
    },
    again: ({ attempt }) => (attempt === 1 ? retryAfter(1, "not yet") : "now"),
    park: async (context) => {
      tokens.push(await context.completionToken());
      return parked();
    },
  });
});
afterAll(() => server.close());

const task = (handler: string, more: object = {}) => ({ name: handler, executor: "handler", spec: { handler }, ...more }) as const;

test("a job is submitted, run, and read with everything the contract promises", async () => {
  const { api } = server;
  const { id, created, job } = await api.jobs.submit(task("echo", { input: { n: 1 }, labels: { team: "a" }, priority: 3 }));
  expect(created).toBe(true);
  expect(job).toMatchObject({ id, kind: "task", name: "echo", finishedAt: null, attempts: expect.any(Number) });
  const done = await api.wait(id);
  expect(done).toMatchObject({
    state: "succeeded",
    outcome: "succeeded",
    reason: "ok",
    output: { n: 1 },
    input: { n: 1 },
    attempts: 1,
    labels: { team: "a" },
    priority: 3,
    cause: { type: "user", by: "admin" },
  });
  expect(done.steps).toBeUndefined();
  expect(Date.parse(done.finishedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(done.createdAt));
  operations.jobs.get.result.parse(done);
});

test("seconds with a fraction are whole milliseconds, whatever a thousand times them is", async () => {
  const { api } = server;
  await api.queues.put({ name: "idle", paused: true });
  for (const timeoutSeconds of [16.1, 2.01, 1.001, 0.001]) {
    expect(Number.isInteger(timeoutSeconds * 1000)).toBe(timeoutSeconds === 0.001);
    const { id } = await api.jobs.submit(task("echo", { queue: "idle", timeoutSeconds }));
    expect((await api.jobs.get({ id })).timeoutSeconds).toBe(timeoutSeconds);
    await api.jobs.cancel({ id, graceSeconds: timeoutSeconds });
  }
  await expect(api.jobs.submit(task("echo", { timeoutSeconds: 0.0001 }))).rejects.toMatchObject({
    faults: [{ path: "timeoutSeconds", message: "timeoutSeconds is 0.0001; it must be at least 0.001" }],
  });
});

test("the same idempotency key makes one job; another request under it is a conflict", async () => {
  const headers = { "idempotency-key": "k-1" };
  const first = await server.ask("POST", "/api/v1/jobs", { body: task("echo"), headers });
  const again = await server.ask("POST", "/api/v1/jobs", { body: task("echo"), headers });
  const other = await server.ask("POST", "/api/v1/jobs", { body: task("echo", { input: 2 }), headers });
  expect([first.status, again.status, other.status]).toEqual([201, 201, 409]);
  const [a, b] = [await first.json(), await again.json()] as { id: string; created: boolean }[];
  expect(b).toMatchObject({ id: a?.id, created: false });
  expect(await other.json()).toMatchObject({ code: "idempotency_mismatch", status: 409 });
  const both = await server.ask("POST", "/api/v1/jobs", { body: task("echo", { idempotencyKey: "k-2" }), headers });
  expect(both.status).toBe(422);
});

test("of many jobs each is taken or refused on its own", async () => {
  const { results } = await server.api.jobs.submitMany({ jobs: [task("echo"), { ...task("echo"), spec: {} }, task("echo")] });
  expect(results).toEqual([
    { id: expect.stringMatching(/^job_/u), created: true },
    { problem: expect.objectContaining({ code: "invalid", faults: [{ path: "spec.handler", message: "spec.handler is missing" }] }) },
    { id: expect.stringMatching(/^job_/u), created: true },
  ]);
});

test("lists are filtered, and paged without gap or repeat", async () => {
  const { api } = server;
  for (let n = 0; n < 5; n++) await api.jobs.submit(task("echo", { queue: "paged", labels: { n: String(n) } }));
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await api.jobs.list({ queue: "paged", limit: 2, ...(cursor === undefined ? {} : { cursor }) });
    expect(page.items.length).toBeLessThanOrEqual(2);
    operations.jobs.list.result.parse(page);
    ids.push(...page.items.map((job) => job.id));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  expect(ids).toHaveLength(5);
  expect(ids).toEqual([...new Set(ids)].toSorted().toReversed());
  const labelled = await api.jobs.list({ queue: "paged", label: "n=3", state: ["queued", "scheduled"] });
  expect(labelled.items.map((job) => job.labels)).toEqual([{ n: "3" }]);
  expect((await api.jobs.list({ queue: "paged", state: ["succeeded"] })).items).toEqual([]);
});

test("attempts and events tell how it went", async () => {
  const { api } = server;
  const { id } = await api.jobs.submit(task("again", { retry: { limit: 2 } }));
  expect(await api.wait(id)).toMatchObject({ output: "now", attempts: 2 });
  const attempts = await api.jobs.attempts({ id });
  operations.jobs.attempts.result.parse(attempts);
  expect(attempts.items.map(({ number, outcome }) => [number, outcome])).toEqual([
    [1, "failed"],
    [2, "succeeded"],
  ]);
  const all = await api.jobs.events({ id });
  operations.jobs.events.result.parse(all);
  expect(all.items.map((event) => event.seq)).toEqual(all.items.map((_, index) => index + 1));
  const rest = await api.jobs.events({ id, after: 1, limit: 1 });
  expect(rest).toEqual({ items: [all.items[1]], more: true });
});

test("a parked job is completed by whoever has its token, without another", async () => {
  const { api, ask } = server;
  const { id } = await api.jobs.submit(task("park"));
  await vi.waitFor(async () => expect((await api.jobs.get({ id })).state).toBe("waiting"));
  expect(await api.jobs.get({ id })).toMatchObject({ waitingFor: "completion" });
  const answer = await ask("POST", "/api/v1/completions", {
    body: { token: tokens[0], output: { done: true } },
    headers: { authorization: "" },
  });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ id, state: "succeeded", output: { done: true } });
  const twice = await ask("POST", "/api/v1/completions", { body: { token: tokens[0], output: 2 } });
  expect(twice.status).toBe(409);
});

test("a failed job is explained, retried as a new one, and deleted", async () => {
  const { api } = server;
  const { id } = await api.jobs.submit(task("fail"));
  expect(await api.wait(id)).toMatchObject({ state: "failed", reason: "error", message: "this cannot work" });
  const explanation = await api.jobs.explain({ id });
  operations.jobs.explain.result.parse(explanation);
  expect(explanation.causes[0]).toMatchObject({
    reason: "error",
    message: expect.stringContaining("this cannot work"),
    todo: expect.stringContaining("log"),
  });
  const again = await api.jobs.retry({ id });
  expect(again.id).not.toBe(id);
  expect(again.job.cause).toEqual({ type: "retry", of: id, by: "admin" });
  await api.wait(again.id);
  expect(await api.jobs.delete({ id })).toEqual({ removed: 1 });
  await expect(api.jobs.get({ id })).rejects.toMatchObject({ code: "not_found" });
});

test("cancelling ends a job that waits for its time; once ended, it says so", async () => {
  const { api } = server;
  const { id } = await api.jobs.submit(task("echo", { notBefore: "2100-01-01T00:00:00Z" }));
  expect(await api.jobs.get({ id })).toMatchObject({
    state: "scheduled",
    reason: "not_before",
    nextAt: "2100-01-01T00:00:00.000Z",
    notBefore: "2100-01-01T00:00:00.000Z",
  });
  await expect(api.jobs.delete({ id })).rejects.toMatchObject({ code: "job_not_finished" });
  expect(await api.jobs.cancel({ id, message: "not needed" })).toMatchObject({ state: "cancelled", message: "not needed" });
  await expect(api.jobs.cancel({ id })).rejects.toMatchObject({ code: "job_finished" });
});

test("what is answered to a submit is the same whether it was written while the store worked or afterwards", async () => {
  const { api, engine } = server;
  const { jobs } = engine.context.store;
  const submit = async (key: string) => api.jobs.submit(task("echo", { labels: { a: "ä" } }), { idempotencyKey: key });
  const [atOnce] = [await submit("ahead-1")];
  const commit = jobs.commit.bind(jobs);
  const later = async (...given: Parameters<typeof commit>): ReturnType<typeof commit> => {
    const committed = await commit(...given);
    await new Promise<void>((resolve) => process.nextTick(resolve));
    return committed;
  };
  Object.assign(jobs, { commit: later });
  try {
    const made = await submit("ahead-2");
    const { id } = made;
    expect(made).toEqual({ ...atOnce, id, job: { ...atOnce.job, id, rootId: id, createdAt: made.job.createdAt } });
    await api.wait(id);
    // Of one that is there already, what became of it.
    expect(await submit("ahead-2")).toMatchObject({ id, created: false, job: { id, state: "succeeded" } });
  } finally {
    Object.assign(jobs, { commit });
  }
});

test.each(["get", "attempts", "events", "logs", "explain", "cancel", "retry", "delete"] as const)(
  "%s of a job that is not there is not_found",
  async (verb) => {
    await expect(server.api.jobs[verb]({ id: "job_nothing" })).rejects.toMatchObject({ code: "not_found" });
  },
);

test.each(["watch", "followLogs"] as const)("%s of a job that is not there is refused before a stream begins", async (verb) => {
  await expect(server.api.jobs[verb]({ id: "job_nothing" }).next()).rejects.toMatchObject({ code: "not_found" });
});
