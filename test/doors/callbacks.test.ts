/**
 * What is told over the API of containers, at HTTP level, on both stores: told twice, too late, of something else, wrongly,
 * out of order and over restarts. The cluster is one that nobody here hears of, so every end below is one that was posted.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failureOutcomes, OUTPUT_LENGTH_MAX, WORKSPACE_SCOPE, type JsonObject } from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import { openPostgresStore } from "@windlass/postgres";
import { openSqliteStore } from "@windlass/sqlite";
import { seededRandom, testPostgres } from "@windlass/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { clock } from "../../programs/server/src/server-fixture.ts";
import { callbackSite, type CallbackSite } from "./callback-site.ts";

const postgres = testPostgres();
const again = { limit: 3, on: failureOutcomes, backoff: { initial: 1, factor: 1, max: 1, jitter: 0 } } as never;

describe("on SQLite", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "windlass-callbacks-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  suite(async () => {
    const path = join(folder, "windlass.db");
    return () => openSqliteStore({ path, clock });
  });
});

describe.skipIf(postgres.missing)("on PostgreSQL", () => {
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());
  suite(async () => {
    const url = await postgres.schema();
    return () => openPostgresStore({ url, clock });
  });
});

function suite(makeStore: () => Promise<() => Promise<Store>>): void {
  let site: CallbackSite;
  beforeEach(async () => {
    site = await callbackSite(await makeStore());
  });
  afterEach(() => site.close());

  const stepPath = (execution: string, step: string): string => `/api/internal/container-callback/${execution}/${encodeURIComponent(step)}`;
  const jobOf = async (execution: string, step: string): Promise<string> =>
    (await site.server.engine.context.store.reads.child(execution, step))?.record.id ?? "";
  const factsPath = async (execution: string, step: string, attempt = 1): Promise<string> =>
    `/api/internal/jobs/${await jobOf(execution, step)}/attempts/${attempt}/facts`;
  const endsOf = async (job: string): Promise<readonly JsonObject[]> =>
    (await site.server.engine.context.store.reads.events(job, 0, 500)).filter(({ type }) =>
      ["job.finished", "job.retrying"].includes(type),
    ) as never;

  test("an end that is told ends the step, its execution goes on, and the event says exactly what was told", async () => {
    const execution = await site.run({ name: "extract" });
    const name = await site.container(execution, "extract");
    const told = await site.post(stepPath(execution, "extract"), {
      state: "failed_oom",
      job_name: name,
      exit_code: 137,
      reason: "OOMKilled",
      message: "limit 32Mi",
      completed_at: "2026-01-31T12:00:00Z",
      stdout_uri: "s3://logs/1",
      evidence: { container: "main" },
    });
    const job = await jobOf(execution, "extract");
    expect(told).toEqual({
      status: 202,
      body: { status: "accepted_in_flight", event_id: expect.stringMatching(new RegExp(`^${job}/\\d+$`, "u")) },
    });
    expect((await site.ended(execution)).state).toBe("failed");
    const [attempt] = await site.server.engine.context.store.reads.attempts(job);
    expect(attempt).toMatchObject({ outcome: "failed_oom", reason: "memory_limit", exitCode: 137, message: "limit 32Mi" });
    expect(attempt?.evidence).toMatchObject({
      container: "main",
      reason: "OOMKilled",
      stdoutUri: "s3://logs/1",
      completedAt: "2026-01-31T12:00:00Z",
    });
    const [event] = await endsOf(job);
    expect(event).toMatchObject({ type: "job.finished", data: { status: "failed_oom", meta: { terminal_state: "failed_oom" } } });
    expect(told.body["event_id"]).toBe(`${job}/${event?.["seq"] as number}`);
  });

  test("the same account three times at once makes one event, and each answer names it; a fourth, after a restart, too", async () => {
    const execution = await site.run({ name: "extract" });
    const body = { state: "succeeded", jobName: await site.container(execution, "extract"), output: { rows: 3 } };
    const answers = await Promise.all([1, 2, 3].map(() => site.post(stepPath(execution, "extract"), body)));
    await site.restart();
    answers.push(await site.post(stepPath(execution, "extract"), body));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    expect(answers.map(({ body: { status } }) => status).filter((status) => status === "accepted_in_flight")).toHaveLength(1);
    expect(answers.filter(({ body: { status } }) => status === "accepted_duplicate")).toHaveLength(3);
    expect(new Set(answers.map(({ body: { event_id } }) => event_id)).size).toBe(1);
    expect(await endsOf(await jobOf(execution, "extract"))).toHaveLength(1);
    expect((await site.ended(await jobOf(execution, "extract"))).final?.output).toEqual({ rows: 3 });
  });

  test("an output that is too large fails what had succeeded, and nothing else; a large one that is not is there whole", async () => {
    const execution = await site.run({ name: "extract" }, { name: "load" }, { name: "check" });
    const output = (length: number) => ({ text: "€".repeat(length - JSON.stringify({ text: "" }).length) });
    const tell = async (step: string, body: object) =>
      site.post(stepPath(execution, step), { job_name: await site.container(execution, step), ...body });
    const [whole, larger] = [output(OUTPUT_LENGTH_MAX), output(OUTPUT_LENGTH_MAX + 1)];
    for (const body of [
      await tell("extract", { state: "succeeded", exit_code: 0, output: larger }),
      await tell("load", { state: "failed_oom", exit_code: 137, output: larger }),
      await tell("check", { state: "succeeded", output: whole }),
    ])
      expect(body).toMatchObject({ status: 202, body: { status: "accepted_in_flight" } });
    const endOf = async (step: string) => (await site.ended(await jobOf(execution, step))).final;
    expect(await endOf("extract")).toMatchObject({ outcome: "failed", reason: "output_too_large", exitCode: 0, output: null });
    expect(await endOf("load")).toMatchObject({ outcome: "failed_oom", exitCode: 137, output: null });
    expect((await endOf("check"))?.output).toEqual(whole);
  });

  test("secrets that the attempt was given are masked in all that is told of it", async () => {
    const secret = { workspace: "default", scope: WORKSPACE_SCOPE, name: "report-db" };
    await site.server.engine.secrets.set(secret, "correct-horse-battery", "ann");
    const execution = await site.run({ name: "extract", env: { API_KEY: { valueFrom: "report-db" } } });
    await site.post(stepPath(execution, "extract"), {
      state: "succeeded",
      job_name: await site.container(execution, "extract"),
      message: "with correct-horse-battery",
      output: { key: "correct-horse-battery" },
      evidence: { lastLines: ["correct-horse-battery"] },
    });
    const job = await jobOf(execution, "extract");
    expect((await site.ended(job)).final).toMatchObject({ message: "with ***", output: { key: "***" } });
    const [attempt] = await site.server.engine.context.store.reads.attempts(job);
    expect(attempt?.evidence).toMatchObject({ lastLines: ["***"] });
  });

  test("what is told of an attempt whose secret was removed since is not kept: it cannot be masked", async () => {
    const secret = { workspace: "default", scope: WORKSPACE_SCOPE, name: "hook" };
    await site.server.engine.secrets.set(secret, "correct-horse-battery", "ann");
    const execution = await site.run({ name: "extract", env: { API_KEY: { valueFrom: "hook" } } });
    const jobName = await site.container(execution, "extract");
    await site.server.engine.secrets.unset(secret);
    const { body } = await site.post(stepPath(execution, "extract"), {
      ...{ state: "failed", exit_code: 3, job_name: jobName, message: "with correct-horse-battery" },
      evidence: { logTail: ["correct-horse-battery"] },
    });
    expect(body["status"]).toBe("accepted_in_flight");
    const job = await jobOf(execution, "extract");
    expect((await site.ended(job)).final).toMatchObject({
      outcome: "failed",
      exitCode: 3,
      message: expect.stringContaining("hook") as string,
    });
    const kept = JSON.stringify([await site.ended(job), await site.server.engine.context.store.reads.attempts(job), await endsOf(job)]);
    expect(kept).not.toContain("horse");
  });

  test("attempt 1 is not heard any more while attempt 2 runs, but for what ended it", async () => {
    const execution = await site.run({ name: "extract", retry: again });
    const first = await site.container(execution, "extract");
    const lost = { state: "failed_node_lost", job_name: first, attempt: 1 };
    const { body: accepted } = await site.post(stepPath(execution, "extract"), lost);
    const second = await site.container(execution, "extract", 2);
    const late = await site.post(stepPath(execution, "extract"), { ...lost, state: "succeeded" });
    expect(late).toEqual({ status: 202, body: { status: "accepted_stale", reason: "other_attempt" } });
    expect((await site.post(stepPath(execution, "extract"), lost)).body).toEqual({
      status: "accepted_duplicate",
      event_id: accepted["event_id"],
    });
    expect((await site.post(await factsPath(execution, "extract", 1), { state: "succeeded", job_name: first })).body["reason"]).toBe(
      "other_attempt",
    );
    expect((await site.post(await factsPath(execution, "extract", 7), { state: "succeeded", job_name: first })).body["reason"]).toBe(
      "other_attempt",
    );
    expect((await site.post(stepPath(execution, "extract"), { state: "succeeded", job_name: first })).body["reason"]).toBe("name_mismatch");
    expect((await site.post(stepPath(execution, "extract"), { state: "succeeded", job_name: second })).body["status"]).toBe(
      "accepted_in_flight",
    );
    expect((await site.ended(execution)).state).toBe("succeeded");
  });

  test("a step that is a loop is told of item by item, and without one it is refused by name", async () => {
    const execution = await site.run({ name: "upload", items: 3 });
    const names = await Promise.all([0, 1, 2].map((index) => site.container(execution, `upload[${index}]`)));
    const without = await site.post(stepPath(execution, "upload"), { state: "succeeded", job_name: names[0] });
    expect([without.status, without.body["code"]]).toEqual([422, "invalid"]);
    expect(without.body["faults"]).toMatchObject([{ path: "iteration" }]);
    const beyond = await site.post(stepPath(execution, "upload"), { state: "succeeded", job_name: names[0], iteration: 3 });
    expect(beyond.body).toEqual({ status: "accepted_stale", reason: "unknown_step" });
    const swapped = await site.post(stepPath(execution, "upload"), { state: "succeeded", job_name: names[0], iteration: 1 });
    expect(swapped.body["reason"]).toBe("name_mismatch");
    for (const index of [2, 0, 1])
      expect(
        (await site.post(stepPath(execution, "upload"), { state: "succeeded", job_name: names[index], iteration: index })).status,
      ).toBe(202);
    expect((await site.ended(execution)).state).toBe("succeeded");
  });

  test("what fits nothing is stale, says why, changes nothing, and is counted", async () => {
    const execution = await site.run({ name: "extract" }, { name: "think", executor: "handler" });
    const name = await site.container(execution, "extract");
    await recorded(site, await jobOf(execution, "extract"));
    const reason = async (path: string, more: JsonObject = {}): Promise<unknown> => {
      const { status, body } = await site.post(path, { state: "failed", job_name: name, ...more });
      expect([status, body["status"]]).toEqual([202, "accepted_stale"]);
      return body["reason"];
    };
    expect(await reason(stepPath("job_00000000000000000000000000", "extract"))).toBe("unknown_execution");
    expect(await reason(stepPath("by-hand", "extract"))).toBe("unknown_execution");
    expect(await reason(stepPath(execution, "none"))).toBe("unknown_step");
    expect(await reason(stepPath(execution, "extract"), { iteration: 0 })).toBe("unknown_step");
    expect(await reason(stepPath(execution, "think"))).toBe("not_a_container_step");
    expect(await reason("/api/internal/jobs/job_00000000000000000000000000/attempts/1/facts")).toBe("unknown_job");
    expect(await reason(`/api/internal/jobs/${execution}/attempts/1/facts`)).toBe("not_a_container_step");
    expect(await reason(stepPath(execution, "extract"), { job_name: `${name}-x` })).toBe("name_mismatch");
    expect(await reason(stepPath(execution, "extract"), { job_uid: "uid-other" })).toBe("uid_mismatch");
    expect(await reason(stepPath(execution, "extract"), { attempt: 2 })).toBe("other_attempt");
    expect((await site.server.engine.jobs.get(await jobOf(execution, "extract"))).state).toBe("running");
    await site.post(stepPath(execution, "extract"), { state: "succeeded", job_name: name, job_uid: site.cluster.jobs.get(name)?.uid });
    expect(await reason(stepPath(execution, "extract"))).toBe("already_finished");
    const figures = await (await site.server.ask("GET", "/metrics")).text();
    expect(figures).toContain('windlass_container_callback_total{state="failed"} 11');
    expect(figures).toContain('windlass_container_callback_total{state="succeeded"} 1');
    expect(figures).toContain('windlass_container_callback_stale_total{state="failed",reason="uid_mismatch"} 1');
    expect(figures).toContain("windlass_container_callback_duplicate_total 0");
  });

  test("what is malformed is refused, and the path of each fault is named as it was sent", async () => {
    const execution = await site.run({ name: "extract" });
    const job_name = await site.container(execution, "extract");
    const faults = async (body: unknown, path = stepPath(execution, "extract")): Promise<unknown> => {
      const answer = await site.post(path, body);
      expect(answer.status, JSON.stringify(answer.body)).toBe(422);
      return (answer.body["faults"] as readonly JsonObject[]).map((fault) => fault["path"]);
    };
    expect(await faults({ job_name })).toEqual(["state"]);
    expect(await faults({ state: "expired", job_name })).toEqual(["state"]);
    expect(await faults({ state: "pending", job_name })).toEqual(["state"]);
    expect(await faults({ state: "failed", job_name, exit_code: "137" })).toEqual(["exit_code"]);
    expect(await faults({ state: "failed", jobName: job_name, exitCode: 1.5 })).toEqual(["exitCode"]);
    expect(await faults({ state: "failed", job_name, jobName: job_name })).toEqual(["jobName"]);
    expect(await faults({ state: "failed", job_name, completed_at: "yesterday", attempt: 0 })).toEqual(["completed_at", "attempt"]);
    expect(await faults({ state: "failed", job_name, exitcode: 3 })).toEqual(["exitcode"]);
    expect(await faults({ state: "failed", job_name, evidence: [] })).toEqual(["evidence"]);
    expect(await faults("{")).toEqual([""]);
    expect(await faults([])).toEqual([""]);
    expect(await faults({ state: "failed", job_name }, `/api/internal/jobs/${execution}/attempts/first/facts`)).toEqual(["attempt"]);
    expect(await faults({ state: "failed", job_name }, stepPath("x".repeat(65), "extract"))).toEqual(["executionId"]);
    expect((await site.server.engine.jobs.get(await jobOf(execution, "extract"))).state).toBe("running");
  });

  test("no other token opens it, and that token opens nothing else", async () => {
    const execution = await site.run({ name: "extract" });
    const body = { state: "succeeded", job_name: await site.container(execution, "extract") };
    for (const token of [null, "", "wrong", site.server.parts.adminToken])
      expect((await site.post(stepPath(execution, "extract"), body, token)).status).toBe(403);
    expect(
      (await site.server.ask("GET", "/api/v1/jobs", { headers: { authorization: "Bearer an-internal-token-for-tests" } })).status,
    ).toBe(401);
    expect((await site.server.engine.jobs.get(execution)).state).toBe("running");
  });

  test("a server without an internal token is closed, also for a token that is as empty", async () => {
    const closed = await callbackSite(await makeStore(), { internalToken: "" });
    for (const token of [null, "", "an-internal-token-for-tests"])
      expect((await closed.post(stepPath("job_1", "extract"), { state: "succeeded", job_name: "x" }, token)).status).toBe(503);
    await closed.close();
  });

  test("a callback after a cancel is stale: the container is gone and the step cancelled", async () => {
    const execution = await site.run({ name: "extract" });
    const name = await site.container(execution, "extract");
    const job = await jobOf(execution, "extract");
    await recorded(site, job);
    await site.server.engine.jobs.cancel(execution, { by: "ann" });
    await until(() => site.cluster.stopped.includes(name));
    const told = await site.post(stepPath(execution, "extract"), { state: "cancelled", job_name: name });
    expect(told.body["status"]).toBe("accepted_in_flight");
    expect((await site.ended(execution)).state).toBe("cancelled");
    const late = await site.post(stepPath(execution, "extract"), { state: "succeeded", job_name: name });
    expect(late.body).toEqual({ status: "accepted_stale", reason: "already_finished" });
    expect((await site.ended(job)).final).toMatchObject({ outcome: "cancelled", reason: "parent_ended" });
  });

  test("a callback that comes before the launcher has recorded its part settles all the same, and frees its slot", async () => {
    const open = site.cluster.hold();
    const execution = await site.run({ name: "extract" });
    const name = await site.container(execution, "extract");
    const told = await site.post(stepPath(execution, "extract"), { state: "succeeded", job_name: name, job_uid: "uid-1" });
    expect(told.body["status"]).toBe("accepted_in_flight");
    open();
    expect((await site.ended(execution)).state).toBe("succeeded");
    expect(site.cluster.made).toHaveLength(1);
    expect((await site.post(stepPath(execution, "extract"), { state: "succeeded", job_name: name })).body["status"]).toBe(
      "accepted_duplicate",
    );
  });

  test("facts that are no end are kept as evidence, once for each state and reason, and outlive the attempt", async () => {
    const execution = await site.run({ name: "extract" });
    const job_name = await site.container(execution, "extract");
    const job = await jobOf(execution, "extract");
    const path = await factsPath(execution, "extract");
    const pending = { state: "pending", job_name, reason: "Unschedulable", message: "0/3 nodes: insufficient memory", pod_uid: "pod-1" };
    const first = await site.post(path, pending);
    expect(first.body["status"]).toBe("accepted_in_flight");
    expect((await site.post(path, pending)).body).toEqual({ status: "accepted_duplicate", event_id: first.body["event_id"] });
    expect((await site.server.engine.explain(job)).causes[0]).toMatchObject({
      reason: "unschedulable",
      message: expect.stringContaining("insufficient memory"),
    });
    await site.post(path, { state: "running", job_name, pod_uid: "pod-1", node: "node-7" });
    await site.post(path, { state: "failed", job_name, exit_code: 3 });
    const [attempt] = await site.server.engine.context.store.reads.attempts(job);
    expect(attempt).toMatchObject({ exitCode: 3, evidence: { observed: { state: "running", node: "node-7", podUid: "pod-1" } } });
    const events = await site.server.engine.context.store.reads.events(job, 0, 99);
    expect(events.filter(({ type }) => type === "job.observed").map(({ data }) => data)).toMatchObject([
      { state: "pending", reason: "unschedulable" },
      { state: "running", reason: null },
    ]);
    expect((await site.post(path, pending)).body).toEqual({ status: "accepted_stale", reason: "already_finished" });
  });

  test("a hundred accounts in any order, each up to three times, with restarts in between: every step ends as it was told, once", async () => {
    const random = seededRandom(11);
    const steps = Array.from({ length: 40 }, (_, index) => ({ name: `s${index}` }));
    const execution = await site.run(...steps);
    const states = ["succeeded", "failed", "failed_oom", "failed_timeout", "failed_config"] as const;
    const accounts = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const step = `s${index % steps.length}`;
        return {
          step,
          order: random.next(),
          body: { state: states[(index % steps.length) % states.length], job_name: await site.container(execution, step) },
        };
      }),
    );
    const shuffled = accounts.toSorted((a, b) => a.order - b.order);
    const answers: JsonObject[] = [];
    for (let from = 0; from < shuffled.length; from += 25) {
      const together = shuffled.slice(from, from + 25);
      answers.push(
        ...(await Promise.all(together.map(({ step, body }) => site.post(stepPath(execution, step), body)))).map(({ body }) => body),
      );
      await site.restart();
    }
    expect(answers.filter(({ status }) => status === "accepted_in_flight")).toHaveLength(steps.length);
    expect(answers.filter(({ status }) => status === "accepted_duplicate")).toHaveLength(100 - steps.length);
    expect((await site.ended(execution)).state).toBe("failed");
    for (const [index, { name }] of steps.entries()) {
      const job = await jobOf(execution, name);
      expect((await site.ended(job)).final?.outcome).toBe(states[index % states.length]);
      expect(await endsOf(job)).toHaveLength(1);
    }
    expect(site.cluster.made).toHaveLength(steps.length);
  });
}

/** The launcher has recorded its part. */
async function recorded(site: CallbackSite, job: string): Promise<void> {
  await until(async () => (await site.server.engine.jobs.get(job)).live?.holder === "external");
}

/** Looks again after each turn of the event loop. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
