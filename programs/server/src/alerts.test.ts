/** The alerts and the dashboard that come with Windlass ask only for what a server or a cluster watcher tells, and the text that it tells is well formed. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { queueKeyOf } from "@windlass/kernel";
import { BASE, testServer, type TestServer } from "./server-fixture.ts";

const ALERTS = new URL("../../../deploy/prometheus/alerts.yaml", import.meta.url);
const DASHBOARD = new URL("../../../deploy/grafana/windlass.json", import.meta.url);

/** Another program tells these, which knows nothing of this one: they are taken from where it names them. */
const OF_WATCHER = new URL("../../k8s-watcher/src/watcher-metrics.ts", import.meta.url);

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const metricsText = async (): Promise<string> => (await server.app.fetch(new Request(`${BASE}/metrics`))).text();

test("a server tells of each queue what waits, what was done and how long it took", async () => {
  await server.work({ greet: () => "hello" }, "mail");
  const { id } = await server.engine.jobs.submit({
    kind: "task",
    name: "greet",
    spec: { handler: "greet" },
    executor: "handler",
    queue: "mail",
  });
  await server.engine.context.store.workspaces.add({ name: "acme", createdBy: "ann", createdAt: 0 });
  await server.engine.jobs.submit({
    kind: "task",
    name: "greet",
    spec: { handler: "greet" },
    executor: "handler",
    queue: "idle",
    workspace: "acme",
  });
  await server.engine.jobs.wait(id);
  const text = await metricsText();
  const other = queueKeyOf("acme", "idle");
  for (const line of [
    'windlass_queue_depth{queue="mail",state="queued"} 0',
    `windlass_queue_depth{queue="${other}",state="queued"} 1`,
    'windlass_queue_oldest_seconds{queue="mail"} 0',
    'windlass_sessions{role="worker"} 1',
    'windlass_jobs_submitted_total{queue="mail"} 1',
    'windlass_attempts_started_total{queue="mail"} 1',
    'windlass_attempts_retried_total{queue="mail"} 0',
    'windlass_jobs_finished_total{queue="mail",outcome="succeeded"} 1',
    'windlass_job_wait_seconds_count{queue="mail"} 1',
    'windlass_job_run_seconds_bucket{queue="mail",outcome="succeeded",le="+Inf"} 1',
    "windlass_feed_lag_seconds ",
    "windlass_worker_slots 10",
    "windlass_worker_slots_used 0",
  ])
    expect(text).toContain(`\n${line}`);
  expect(text).toMatch(/\nwindlass_store_call_duration_seconds_count\{call="jobs.commit"\} [1-9]/u);
});

test("who asks often has the store counted once", async () => {
  const asked = (): number => server.engine.context.figures.calls.get("queues.list")?.counts.reduce((a, b) => a + b) ?? 0;
  await metricsText();
  const before = asked();
  await Promise.all([metricsText(), metricsText()]);
  expect([before, asked()]).toEqual([1, 1]);
});

test("every line of the metrics is a sample, a help or a type, and every family is told once", async () => {
  const lines = (await metricsText()).split("\n").filter((line) => line !== "");
  const sample = /^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? (-?[\d.e+-]+|NaN|\+Inf)$/u;
  expect(lines.filter((line) => !/^# (HELP|TYPE) [a-z_]+ ./u.test(line) && !sample.test(line))).toEqual([]);
  const types = lines.filter((line) => line.startsWith("# TYPE")).map((line) => line.split(" ")[2]);
  expect(types.filter((name, i) => types.indexOf(name) !== i)).toEqual([]);
});

const askedBy = (text: string): string[] => [...text.matchAll(/\b((?:windlass|nodejs|process)_\w+)/gu)].map((match) => match[1] ?? "");

async function untold(asked: readonly string[]): Promise<string[]> {
  const own = [...(await metricsText()).matchAll(/^# TYPE (\w+)/gmu)];
  const watchers = [...readFileSync(OF_WATCHER, "utf8").matchAll(/"(windlass_k8s_watcher_\w+)"/gu)];
  const told = new Set([...own, ...watchers].map((match) => match[1]));
  return asked.filter((name) => !told.has(name) && !told.has(name.replace(/_(bucket|count|sum)$/u, "")));
}

test("the alerts ask for names that exist", async () => {
  const asked = askedBy(readFileSync(ALERTS, "utf8"));
  expect(asked.length).toBeGreaterThan(8);
  expect(await untold(asked)).toEqual([]);
});

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string }[];
}

test("the dashboard asks for names that exist, in every panel, and shows what the alerts look at", async () => {
  const { panels } = JSON.parse(readFileSync(DASHBOARD, "utf8")) as { readonly panels: readonly Panel[] };
  const asked = panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => askedBy(expr)));
  expect(await untold(asked)).toEqual([]);
  const empty = panels.filter(({ type, targets = [] }) => type !== "row" && !targets.some(({ expr }) => askedBy(expr).length > 0));
  expect(empty.map(({ title }) => title)).toEqual([]);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const family = (name: string): string => name.replace(/_(bucket|count|sum)$/u, "");
  const shown = new Set(asked.map(family));
  expect(askedBy(readFileSync(ALERTS, "utf8")).filter((name) => !shown.has(family(name)))).toEqual([]);
});
