import { failureOutcomes, ms, queuesServed, reasons, REASONS, RUNNERS_QUEUE, type Reason, parked, type Handler } from "@windlass/kernel";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { command, engineFixture, fakeExecutor, group, handled, type EngineFixture, type FakeExecutor } from "./engine-fixture.ts";
import type { Worker } from "./worker.ts";

const LOST_AFTER_MS = 20_000;
const hangs: Handler = ({ signal }) =>
  new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(null));
  });
const deaf: Handler = () => new Promise(() => {});
const waits: Handler = async (context) => {
  await context.completionToken();
  return parked({ timeoutMs: 60_000 });
};

let fixture: EngineFixture;
let executor: FakeExecutor;
const workers: Worker[] = [];

beforeEach(async () => {
  executor = fakeExecutor({ runningMax: 1 });
  fixture = await engineFixture({ executors: [executor], hostLostAfterMs: LOST_AFTER_MS });
  await fixture.engine.start();
});

afterEach(async () => {
  for (const worker of workers.splice(0)) await fixture.outcome(worker.stop());
  await fixture.close();
});

async function serve(handlers: Record<string, Handler>, more: { queue?: string; concurrency?: number } = {}): Promise<void> {
  const worker = fixture.engine.worker({ handlers, drainMs: 0, ...more });
  workers.push(worker);
  await worker.start();
}

/** The first cause has this reason, names each of these in its message, and says what to do as the table has it. */
async function expectCause(id: string, reason: Reason, ...names: string[]) {
  const { causes } = await fixture.engine.explain(id);
  expect(causes[0]).toMatchObject({ reason, todo: REASONS[reason].todo.replace("<queue>", "mail") });
  for (const name of names) expect(causes[0]?.message).toContain(name);
  return causes;
}

describe("why a job has not started", () => {
  test("its queue is paused, by whom and since when", async () => {
    await fixture.store.queues.put("mail", { paused: true, by: "ada" }, fixture.clock.now());
    await expectCause(await fixture.submit({ queue: "mail" }), "queue_paused", '"mail"', "ada", "2026-01-01T00:00:00.000Z");
  });

  test("its queue runs as many as it may", async () => {
    await fixture.store.queues.put("default", { concurrencyLimit: 1 }, fixture.clock.now());
    await serve({ greet: hangs });
    await fixture.reach(await fixture.submit(), "running");
    await expectCause(await fixture.submit(), "queue_limit", '"default"', "limit is 1");
  });

  test("its key is held, and by which job", async () => {
    await serve({ greet: hangs });
    const concurrency = { key: "deploy", limit: 1 };
    const [holder, next] = [await fixture.submit({ concurrency }), await fixture.submit({ concurrency })];
    await fixture.clock.until(async () => (await fixture.engine.jobs.get(next)).live?.blocked === true, 5_000);
    const [first] = await expectCause(next, "key_held", '"deploy"', holder);
    expect(first?.object).toBe(holder);
  });

  test("it failed before and waits for its next attempt, with what went wrong", async () => {
    await serve({ greet: () => Promise.reject(new Error("no route to mail host")) });
    const id = await fixture.submit({
      retry: { limit: 3, on: failureOutcomes, backoff: { initial: ms(60_000), factor: 1, max: ms(60_000), jitter: 0 } },
    });
    await fixture.reach(id, "scheduled");
    const causes = await expectCause(id, "back_off", "2026-01-01T00:01:0");
    expect(causes[1]).toMatchObject({ reason: "error", message: "attempt 1 ended: no route to mail host" });
  });

  test("it is not to start before a time", async () => {
    await expectCause(await fixture.submit({ notBefore: fixture.clock.now() + 3_600_000 }), "not_before", "2026-01-01T01:00:00.000Z");
  });

  test("no worker serves its queue, and which one was perhaps meant", async () => {
    await serve({ greet: hangs }, { queue: "emails" });
    await expectCause(await fixture.submit({ queue: "email" }), "no_worker", 'queue "email"', 'did you mean "emails"?');
  });

  test("no worker knows its handler, before and after a worker has put it off", async () => {
    await serve({ welcome: hangs, greet: hangs }, { concurrency: 1 });
    await fixture.reach(await fixture.submit(), "running");
    const id = await fixture.submit({ spec: { handler: "welcom" } });
    await expectCause(id, "handler_unknown", '"welcom"', 'did you mean "welcome"?');
    await serve({ greet: hangs });
    await fixture.reach(id, "scheduled");
    await expectCause(id, "handler_unknown", '"welcom"', 'did you mean "welcome"?');
  });

  test("no server here has its executor", async () => {
    const id = await fixture.submit({ ...command, executor: "kubernetes" });
    await expectCause(id, "no_executor", '"kubernetes", which runs images', "give a server the way to a cluster", "--executor process");
    const serving = (name: string, queue: string) =>
      fixture.store.sessions.open({
        id: `ses_${name}`,
        role: "launcher",
        place: "host-2",
        serves: [{ executor: "docker", queue }],
        startedAt: 0,
        expiresAt: fixture.clock.now() + 60_000,
      });
    await serving("spawner", queuesServed(RUNNERS_QUEUE));
    expect((await fixture.engine.explain(id)).causes[0]?.message, "it takes runners only").not.toContain("choose");
    await serving("server", queuesServed());
    await expectCause(id, "no_executor", "choose docker, which a server here has");
    await expectCause(await fixture.submit({ ...command, executor: "agent" }), "no_executor", 'no server here has the executor "agent"');
  });

  test("its executor runs as many as it may", async () => {
    await fixture.submit(command);
    await fixture.clock.until(() => executor.running().length === 1, 5_000);
    await expectCause(await fixture.submit(command), "executor_full", "process", "limit is 1");
  });

  test("nothing: it is next", async () => {
    await serve({ greet: hangs }, { concurrency: 1 });
    await fixture.reach(await fixture.submit(), "running");
    await expectCause(await fixture.submit(), "ready", '"default"');
  });
});

describe("what a job does or waits for", () => {
  test("it runs, and where", async () => {
    await serve({ greet: hangs });
    const [id, outside] = [await fixture.submit(), await fixture.submit(command)];
    await fixture.reach(id, "running");
    await fixture.clock.advance(1_000);
    await expectCause(id, "is_running", '"greet"', (await fixture.engine.jobs.get(id)).live?.session ?? "?");
    await expectCause(outside, "is_running", executor.launched[0] ?? "?");
  });

  test("it is being started", async () => {
    const go = executor.hold();
    const id = await fixture.submit(command);
    await fixture.reach(id, "running");
    await expectCause(id, "launching", "process");
    go();
  });

  test("its children, and what those wait for", async () => {
    const id = await fixture.submit(group([handled("extract", { queue: "etl" })]));
    await fixture.clock.advance(500);
    const causes = await expectCause(id, "waiting_children", '"nightly"', "1 child");
    expect(causes[1]).toMatchObject({ reason: "no_worker", object: "etl", message: expect.stringContaining('"etl"') as string });
  });

  test("a time", async () => {
    const id = await fixture.submit(group([], { waitMs: 3_600_000 }));
    await fixture.reach(id, "waiting");
    await expectCause(id, "waiting_time", '"nightly"', "2026-01-01T01:00:0");
  });

  test("its completion from outside", async () => {
    await serve({ greet: waits });
    const id = await fixture.submit();
    await fixture.reach(id, "waiting");
    await expectCause(id, "waiting_completion", '"greet"', "2026-01-01T00:01:0");
  });

  test("its end, told by whom, and what it still waits for", async () => {
    await serve({ greet: deaf, extract: deaf });
    const [id, parent] = [await fixture.submit(), await fixture.submit(group([handled("extract")]))];
    await fixture.reach(id, "running");
    await fixture.clock.advance(500);
    for (const one of [id, parent]) await fixture.engine.jobs.cancel(one, { by: "ada", message: "wrong day" });
    await expectCause(id, "is_stopping", '"greet"', "ada", "wrong day");
    await fixture.clock.advance(500);
    const causes = await expectCause(parent, "is_stopping", '"nightly"', "ada");
    expect(causes[1]).toMatchObject({ reason: "is_stopping", message: expect.stringContaining('"extract"') as string });
  });
});

describe("why a job ended", () => {
  test("its start deadline passed", async () => {
    const id = await fixture.submit({ startDeadline: fixture.clock.now() + 1_000 });
    await fixture.reach(id, "expired");
    await expectCause(id, "start_deadline", '"greet"', "start deadline");
  });

  test("a child failed, and which, and why", async () => {
    await serve({ extract: () => Promise.reject(new Error("column 7 is missing")) });
    const id = await fixture.submit(group([handled("extract")]));
    await fixture.reach(id, "failed");
    const causes = await expectCause(id, "step_failed", '"nightly"');
    expect(causes[1]).toMatchObject({
      reason: "error",
      message: expect.stringContaining('step "extract" failed: column 7 is missing') as string,
    });
    expect((await fixture.engine.jobs.get(causes[1]?.object ?? "")).record.childKey).toBe("extract");
  });

  test("children that failed and were handled are no cause; siblings stand beside each other", async () => {
    await serve({
      extract: () => Promise.reject(new Error("handled")),
      load: () => Promise.reject(new Error("disk")),
      send: () => Promise.reject(new Error("mail")),
    });
    const id = await fixture.submit(group([handled("extract"), handled("load"), handled("send")], { blames: ["load", "send"] }));
    await fixture.reach(id, "failed");
    const causes = await expectCause(id, "step_failed", '"nightly"');
    expect(causes.map(({ depth, message }) => [depth, /disk|mail|handled/u.exec(message)?.[0]])).toEqual([
      [0, undefined],
      [1, "disk"],
      [1, "mail"],
    ]);
  });

  test("it used more memory than it may", async () => {
    const id = await fixture.submit(command);
    await fixture.clock.until(() => executor.running().length === 1, 5_000);
    executor.end(executor.running()[0] ?? "", {
      outcome: "failed_oom",
      reason: "memory_limit",
      message: "it used 70Mi; its limit is 64Mi",
      exitCode: 137,
    });
    await fixture.reach(id, "failed");
    await expectCause(id, "memory_limit", '"build"', "64Mi", "exit code 137");
  });

  test("its worker was lost, after how many attempts", async () => {
    const id = await fixture.submit({ retry: { limit: 0, on: [], backoff: { initial: ms(1), factor: 1, max: ms(1), jitter: 0 } } });
    const { store, clock } = fixture;
    await store.sessions.open({ id: "ses_dead", role: "worker", place: null, serves: [], startedAt: 0, expiresAt: clock.now() + 1_000 });
    await store.jobs.claim({ executor: "handler", session: "ses_dead", place: null, limit: 1, now: clock.now() });
    await fixture.reach(id, "failed");
    await expectCause(id, "worker_lost", '"greet"', "ses_dead");
  });

  test("somebody cancelled it, and who", async () => {
    const id = await fixture.submit();
    await fixture.engine.jobs.cancel(id, { by: "ada" });
    await expectCause(id, "cancel_requested", "cancelled by ada");
  });

  test("it ended well", async () => {
    await serve({ greet: () => null });
    const id = await fixture.submit();
    await fixture.reach(id, "succeeded");
    expect(await expectCause(id, "ok", '"greet"')).toHaveLength(1);
  });
});

test("a job that is not there cannot be explained, and every reason can be advised on", async () => {
  await expect(fixture.engine.explain("job_none")).rejects.toMatchObject({
    code: "not_found",
    message: expect.stringContaining("job_none") as string,
  });
  for (const reason of reasons) expect(typeof REASONS[reason].todo).toBe("string");
});
