/** Many jobs at once; who works; pages of events; settings. */
import { operations } from "@windlass/contract";
import { parked } from "@windlass/engine";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { testServer, type TestServer } from "./server-fixture.ts";

let server: TestServer;
beforeAll(async () => {
  const setting = { name: "server.port", value: 1, source: "default", variable: "WINDLASS_SERVER_PORT", doc: "port" } as const;
  server = await testServer({ settings: [setting] });
});
afterAll(() => server.close());

const task = (name: string, more: object = {}) => ({ name, executor: "handler", spec: { handler: name }, ...more }) as const;
const submit = async (count: number, name: string, more: object = {}): Promise<string[]> =>
  (await server.api.jobs.submitMany({ jobs: Array.from({ length: count }, () => task(name, more)) })).results.map((one) =>
    "id" in one ? one.id : "refused",
  );

test("a dry run tells what would be cancelled, and touches nothing; then it is done, oldest first, up to the limit", async () => {
  const { api } = server;
  const ids = await submit(5, "many");
  await submit(1, "other");
  const preview = await api.jobs.cancelMany({ name: "many", dryRun: true });
  operations.jobs.cancelMany.result.parse(preview);
  expect(preview).toMatchObject({ dryRun: true, matched: 5, done: 0, more: false, refused: [] });
  expect(preview.sample.map((job) => job.id)).toEqual(ids);
  expect((await api.jobs.list({ name: "many", state: ["queued"] })).items).toHaveLength(5);
  const done = await api.jobs.cancelMany({ name: "many", limit: 3, message: "enough" });
  expect(done).toMatchObject({ matched: 3, done: 3, more: true });
  expect((await api.jobs.list({ name: "many", state: ["cancelled"], order: "oldest" })).items.map((job) => [job.id, job.message])).toEqual(
    ids.slice(0, 3).map((id) => [id, "enough"]),
  );
  expect((await api.jobs.list({ name: "other", state: ["queued"] })).items).toHaveLength(1);
});

test("jobs that ended badly are run again as new jobs, and each once, however fast they end again", async () => {
  const { api } = server;
  await server.work({ bad: () => Promise.reject(new Error("no")) }, "bad");
  const ids = await submit(4, "bad", { queue: "bad" });
  for (const id of ids) await api.wait(id);
  expect(await api.jobs.retryMany({ queue: "bad", dryRun: true })).toMatchObject({ matched: 4, done: 0 });
  const answer = await api.jobs.retryMany({ queue: "bad" });
  operations.jobs.retryMany.result.parse(answer);
  expect(answer).toMatchObject({ matched: 4, done: 4, more: false });
  const all = (await api.jobs.list({ queue: "bad" })).items;
  expect(all).toHaveLength(8);
  expect(
    all
      .map((job) => job.cause.of)
      .filter((of) => of !== undefined)
      .toSorted(),
  ).toEqual(ids.toSorted());
});

test("a filter that somebody forgot is refused; all has to be said", async () => {
  const { api } = server;
  for (const wrong of [{}, { dryRun: true }, { all: true, name: "x" }])
    await expect(api.jobs.cancelMany(wrong)).rejects.toMatchObject({ code: "invalid", faults: [{ path: "all" }] });
  expect((await api.jobs.cancelMany({ all: true, dryRun: true })).matched).toBeGreaterThan(0);
});

test("jobs are counted by state, kind and queue", async () => {
  const { api } = server;
  await submit(2, "counted", { queue: "counted" });
  const byState = await api.jobs.counts({ queue: "counted" });
  operations.jobs.counts.result.parse(byState);
  expect(byState).toEqual({ by: "state", items: [{ value: "queued", count: 2 }], total: 2, capped: false });
  expect((await api.jobs.counts({ name: "counted", by: "queue" })).items).toEqual([{ value: "counted", count: 2 }]);
  expect((await api.jobs.counts({ name: "counted", by: "kind" })).items).toEqual([{ value: "task", count: 2 }]);
});

test("a parked job goes on when it is told to; one that is not parked is refused", async () => {
  const { api } = server;
  let calls = 0;
  await server.work(
    {
      park: async (context) => {
        await context.completionToken();
        return ++calls === 1 ? parked() : "went on";
      },
    },
    "park",
  );
  const [id = ""] = await submit(1, "park", { queue: "park" });
  await vi.waitFor(async () => expect((await api.jobs.get({ id })).state).toBe("waiting"));
  expect((await api.jobs.resume({ id })).id).toBe(id);
  expect(await api.wait(id)).toMatchObject({ state: "succeeded", output: "went on", attempts: 1 });
  await expect(api.jobs.resume({ id })).rejects.toMatchObject({ code: "job_finished" });
  await expect(api.jobs.resume({ id: "job_none" })).rejects.toMatchObject({ code: "not_found" });
});

test("who works is listed, with what they serve and what they hold", async () => {
  const { api } = server;
  let letGo = (): void => {};
  await server.work({ hold: () => new Promise<void>((resolve) => (letGo = resolve)) }, "held");
  const [id = ""] = await submit(1, "hold", { queue: "held" });
  await vi.waitFor(async () => expect((await api.jobs.get({ id })).state).toBe("running"));
  const { items } = await api.workers.list();
  for (const item of items) operations.workers.list.result.shape.items.element.parse(item);
  const worker = items.find((one) => one.serves.some((serve) => serve.queue === "held")) ?? expect.fail("not listed");
  expect(worker).toMatchObject({ role: "worker", running: 1, serves: [{ executor: "handler", queue: "held", handlers: ["hold"] }] });
  const detail = await api.workers.get({ id: worker.id });
  operations.workers.get.result.parse(detail);
  expect(detail.jobs).toMatchObject([{ id, name: "hold", state: "running", attempt: 1, queue: "held" }]);
  letGo();
  await api.wait(id);
  await expect(api.workers.get({ id: "ses_none" })).rejects.toMatchObject({ code: "not_found" });
});

test("events come in pages, each behind the last, and none twice", async () => {
  const { api } = server;
  const before = await server.engine.context.store.reads.feedEnd();
  const ids = await submit(5, "paged");
  const seen: string[] = [];
  let after = before;
  for (let more = true; more;) {
    const page = await api.events.list({ after, type: ["job.submitted"], limit: 2 });
    operations.events.list.result.parse(page);
    seen.push(...page.items.map((event) => event.jobId));
    ({ next: after, more } = page);
  }
  expect(seen).toEqual(ids);
  expect((await api.events.list({ limit: 1 })).items).toHaveLength(1);
  await expect(api.events.list({ after: "41" })).rejects.toMatchObject({ code: "invalid", faults: [{ path: "after" }] });
});

test("settings are shown to the admin, and to no lesser token", async () => {
  const { items } = await server.api.settings.list();
  expect(items).toMatchObject([{ name: "server.port", source: "default" }]);
  const { secret } = await server.api.tokens.create({ name: "reader", roles: ["write"] });
  expect((await server.ask("GET", "/api/v1/settings", { headers: { authorization: `Bearer ${secret}` } })).status).toBe(403);
});
