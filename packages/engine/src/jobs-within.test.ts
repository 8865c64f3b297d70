import { hasCode } from "@windlass/kernel";
import { afterEach, beforeEach, expect, test } from "vitest";
import { engineFixture, group, handled, type EngineFixture } from "./engine-fixture.ts";
import { jobsWithin, type JobsWithin } from "./jobs-within.ts";
import type { SubmitRequest } from "./submit.ts";

const request: SubmitRequest = { kind: "task", name: "greet", spec: { handler: "greet" }, executor: "handler", queue: "mail" };
let fixture: EngineFixture;
const within = (workspace: string): JobsWithin => jobsWithin(fixture.engine.jobs, workspace, { gate: () => {} });

beforeEach(async () => {
  fixture = await engineFixture();
  await fixture.engine.start();
  for (const name of ["acme", "other"]) await fixture.store.workspaces.add({ name, createdBy: "ann", createdAt: 0 });
});

afterEach(() => fixture.close());

test("the jobs of another workspace are not there, whatever is asked of them", async () => {
  const acme = within("acme");
  const { id } = await within("other").submit(request);
  const asked: ((jobs: JobsWithin) => Promise<unknown>)[] = [
    (jobs) => jobs.get(id),
    (jobs) => jobs.cancel(id, { by: "eve" }),
    (jobs) => jobs.retry(id, "eve"),
    (jobs) => jobs.remove(id),
    (jobs) => jobs.wait(id),
  ];
  const unknown = await acme.get("job_none").then(String, (error: Error) => error.message);
  for (const ask of asked) {
    const error: unknown = await ask(acme).catch((thrown: unknown) => thrown);
    expect(hasCode(error, "not_found")).toBe(true);
    expect((error as Error).message).toBe(unknown.replace("job_none", id));
  }
  expect(await fixture.stateOf(id)).toBe("queued");
});

test("a queue is its workspace's own: a worker of the same name elsewhere takes nothing from it", async () => {
  const done: string[] = [];
  const handlers = { greet: ({ jobId }: { readonly jobId: string }) => void done.push(jobId) };
  const here = await within("acme").submit(request);
  const there = await fixture.engine.jobs.submit(request);
  const worker = fixture.engine.worker({ handlers, queue: "mail", workspace: "acme" });
  await worker.start();
  await fixture.reach(here.id, "succeeded");
  expect(done).toEqual([here.id]);
  expect(await fixture.stateOf(there.id)).toBe("queued");
  await fixture.outcome(worker.stop());
});

test("an explanation calls the queue by its name, and knows only the workers of its workspace", async () => {
  const { id } = await within("acme").submit(request);
  const worker = fixture.engine.worker({ handlers: {}, queue: "mails" });
  await worker.start();
  const { causes } = await fixture.engine.explain(id);
  expect(causes[0]).toMatchObject({ reason: "no_worker", object: "mail", message: 'no worker serves queue "mail"' });
  await fixture.outcome(worker.stop());
});

test("children go to the queue of their parent, or to the one of its workspace that they name", async () => {
  const children = [handled("same"), handled("other", { queue: "fast" })];
  const { id } = await within("acme").submit({ ...request, ...group(children) });
  await fixture.reach(id, "running");
  await fixture.clock.until(async () => (await fixture.engine.jobs.get(id)).live?.openChildren === 2, 10_000);
  const all = await fixture.store.reads.list({ workspace: "acme", parentId: id, order: "oldest", limit: 10 });
  expect(all.map(({ record }) => record.queue)).toEqual(["acme:mail", "acme:fast"]);
});
