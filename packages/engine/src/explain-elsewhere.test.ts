/** The first cause of what lies with people, keys and clusters: each blocker and each death of the guide, seeded. */
import { failureOutcomes, ms, REASONS, type Reason, type RetryPolicy, type Wait } from "@windlass/kernel";
import { outsideCluster, type OutsideCluster } from "@windlass/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Callback } from "./callbacks.ts";
import { engineFixture, group, groupKind, stepKind, type EngineFixture } from "./engine-fixture.ts";
import { NOTHING, type JobKind } from "./job-kind.ts";

/** Waits for what its specification says. */
const waitingKind: JobKind = {
  kind: "task",
  validate: () => [],
  advance: ({ record }) => ({ ...NOTHING, waitFor: record.spec["wait"] as unknown as Wait }),
};

let fixture: EngineFixture;
let cluster: OutsideCluster;

beforeEach(async () => {
  cluster = outsideCluster();
  fixture = await engineFixture({ kinds: [waitingKind, stepKind, groupKind], executors: [cluster.executor()] });
  await fixture.engine.start();
});
afterEach(() => fixture.close());

async function expectFirst(id: string, reason: Reason, ...words: readonly string[]) {
  const { causes } = await fixture.engine.explain(id);
  expect(causes[0]?.reason, causes[0]?.message).toBe(reason);
  for (const word of words) expect(causes[0]?.message).toContain(word);
  return causes;
}

const waiting = (wait: Wait): Promise<string> => fixture.submit({ name: "release", executor: "none", spec: { wait } });

describe("what a person, a signal or a secret is awaited for", () => {
  test("an approval, from whom, and what is asked", async () => {
    const id = await waiting({ for: "approval", by: ["ann", "bob"], text: "ship it?" });
    await fixture.reach(id, "waiting");
    await expectFirst(id, "waiting_approval", "ann or bob", "ship it?");
  });

  test("a signal, by name", async () => {
    const id = await waiting({ for: "signal", name: "paid" });
    await fixture.reach(id, "waiting");
    await expectFirst(id, "waiting_signal", '"paid"');
  });

  test("a secret that went after the job was submitted comes before whatever else holds it back", async () => {
    const secret = { workspace: "default", scope: "workspace", name: "report-db" };
    await fixture.engine.secrets.set(secret, "hunter2hunter2", "ann");
    await fixture.store.queues.put("slow", { paused: true, by: "ann" }, fixture.clock.now());
    const id = await fixture.submit({ queue: "slow", executor: "kubernetes", spec: { env: { KEY: { valueFrom: "report-db" } } } });
    await fixture.engine.secrets.unset(secret);
    const causes = await expectFirst(id, "secret_missing", "report-db");
    expect(causes[0]?.todo).toBe(REASONS.secret_missing.todo.replace("<name>", "report-db"));
    expect(causes[1]?.reason).toBe("queue_paused");
  });

  test("a rate, and when the next may start", async () => {
    await fixture.store.queues.put("mail", { rateLimit: { limit: 1, perSeconds: 3_600 } }, fixture.clock.now());
    const [first, next] = [
      await fixture.submit({ queue: "mail", executor: "kubernetes" }),
      await fixture.submit({ queue: "mail", executor: "kubernetes" }),
    ];
    await fixture.reach(first, "running");
    await expectFirst(next, "rate_limit", "1 job in 3600 s", "2026-01-01T01:00");
  });

  test("a rate of each key, and how that is raised", async () => {
    await fixture.store.queues.put("mail", { keyRateLimit: { limit: 1, perSeconds: 3_600 } }, fixture.clock.now());
    const brief = { queue: "mail", executor: "kubernetes", fairnessKey: "ann" } as const;
    const [first, next] = [await fixture.submit(brief), await fixture.submit(brief)];
    await fixture.reach(first, "running");
    const causes = await expectFirst(next, "rate_limit", 'fairness key "ann"', "1 job in 3600 s");
    expect(causes[0]?.todo).toContain("`windlass queues set mail --rate`, or `--key-rate` for that of each key");
  });

  test("a key, by which job, and what that job does or waits for itself", async () => {
    const concurrency = { key: "deploy", limit: 1 };
    const holder = await fixture.submit({
      ...group([{ key: "gate", kind: "step", name: "gate", spec: {}, executor: "handler" }]),
      concurrency,
    });
    await fixture.clock.advance(1_000);
    const next = await fixture.submit({ executor: "kubernetes", concurrency });
    await fixture.clock.advance(1_000);
    const causes = await expectFirst(next, "key_held", '"deploy"', holder);
    expect(causes.map(({ depth, reason }) => [depth, reason])).toEqual([
      [0, "key_held"],
      [1, "waiting_children"],
      [2, "no_worker"],
    ]);
  });
});

const once: RetryPolicy = { limit: 0, on: [], backoff: { initial: ms(1), factor: 1, max: ms(1), jitter: 0 } };

describe("on a cluster", () => {
  let id = "";
  const tell = async (more: Partial<Callback>): Promise<void> => {
    const name = (await fixture.engine.jobs.get(id)).live?.externalName ?? "";
    const nothing = { attempt: 1, ref: null, exitCode: null, reason: null, message: null, evidence: {} } as const;
    const answer = await fixture.engine.callbacks.ofJob(id, { ...nothing, state: "failed", name, ...more });
    expect(answer.status).toBe("accepted_in_flight");
  };
  const parked = async (retry: RetryPolicy = once): Promise<void> => {
    id = await fixture.submit({ name: "extract", executor: "kubernetes", retry });
    await fixture.clock.until(async () => (await fixture.engine.jobs.get(id)).live?.holder === "external", 5_000);
  };

  const PENDING: readonly (readonly [word: string, reason: Reason])[] = [
    ["Unschedulable", "unschedulable"],
    ["QuotaExceeded", "quota_exceeded"],
    ["FailedAdmission", "admission_refused"],
    ["ErrImagePull", "image_not_pulled"],
    ["ImagePullBackOff", "image_not_pulled"],
    ["ContainerCreating", "pending_outside"],
  ];

  test.each(PENDING)(
    "a pod that is pending for %s says so, on which object, since when, and in the cluster's words",
    async (word, reason) => {
      await parked();
      await tell({ state: "pending", reason: word, message: "0/3 nodes are available" });
      const since = fixture.clock.now();
      await fixture.clock.advance(60_000);
      const [first] = await expectFirst(id, reason, "kubernetes", "0/3 nodes are available");
      expect(first).toMatchObject({ object: cluster.made[0], todo: REASONS[reason].todo });
      expect(Math.abs((first?.since ?? 0) - since)).toBeLessThan(1_000);
    },
  );

  test("one that runs says on which node", async () => {
    await parked();
    await tell({ state: "running", evidence: { node: "node-7" } });
    await expectFirst(id, "is_running", "node-7", cluster.made[0] ?? "?");
  });

  const DEATHS: readonly { readonly told: Partial<Callback>; readonly reason: Reason; readonly words?: readonly string[] }[] = [
    {
      told: { state: "failed_image_pull", reason: "ErrImagePull", message: "manifest unknown: v9" },
      reason: "image_not_pulled",
      words: ["manifest unknown: v9"],
    },
    {
      told: { state: "failed_oom", reason: "OOMKilled", exitCode: 137, message: "limit 32Mi" },
      reason: "memory_limit",
      words: ["limit 32Mi", "137"],
    },
    {
      told: { state: "failed_node_lost", reason: "NodeLost", message: "node-7 stopped reporting" },
      reason: "node_lost",
      words: ["node-7"],
    },
    { told: { state: "failed_timeout", reason: "DeadlineExceeded" }, reason: "job_deadline" },
    {
      told: { state: "failed_config", reason: "CreateContainerConfigError", message: 'secret "db" not found' },
      reason: "bad_spec",
      words: ['secret "db" not found'],
    },
    { told: { state: "failed_config", reason: "Unschedulable", message: "0/3 nodes" }, reason: "unschedulable", words: ["0/3 nodes"] },
    { told: { state: "cancelled", message: "the Job was deleted" }, reason: "job_deleted_outside", words: ["was deleted"] },
    { told: { state: "failed", exitCode: 3 }, reason: "exit_code", words: ["exit code 3"] },
    { told: { state: "failed", reason: "BackoffLimitExceeded" }, reason: "failed_outside" },
  ];

  test.each(DEATHS)("its death ($told.state, $told.reason) is told as it was", async ({ told, reason, words = [] }) => {
    await parked();
    await tell({ state: "pending", reason: "ContainerCreating" });
    await tell(told);
    const [first] = await expectFirst(id, reason, '"extract"', ...words);
    expect(first).toMatchObject({ object: id, todo: REASONS[reason].todo });
  });

  test("what waits for its next attempt names what the last one died of", async () => {
    await parked({ limit: 3, on: failureOutcomes, backoff: { initial: ms(60_000), factor: 1, max: ms(60_000), jitter: 0 } });
    await tell({ state: "failed_node_lost", message: "node-7 is gone" });
    const causes = await expectFirst(id, "back_off");
    expect(causes[1]).toMatchObject({ reason: "node_lost", message: "attempt 1 ended: node-7 is gone" });
  });

  test("an execution that waits for it is explained by it", async () => {
    const execution = await fixture.submit(
      group([{ key: "extract", kind: "step", name: "extract", spec: {}, executor: "kubernetes", retry: once }]),
    );
    await fixture.clock.until(() => cluster.made.length === 1, 5_000);
    await fixture.clock.advance(1_000);
    id = (await fixture.store.reads.child(execution, "extract"))?.record.id ?? "";
    await tell({ state: "pending", reason: "Unschedulable", message: "0/3 nodes" });
    expect((await expectFirst(execution, "waiting_children")).map(({ depth, reason }) => [depth, reason])).toEqual([
      [0, "waiting_children"],
      [1, "unschedulable"],
    ]);
    await tell({ state: "failed_oom", message: "limit 32Mi" });
    await fixture.reach(execution, "failed");
    expect((await expectFirst(execution, "step_failed")).map(({ reason }) => reason)).toEqual(["step_failed", "memory_limit"]);
  });
});
