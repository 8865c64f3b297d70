import fc from "fast-check";
import type { JobJson, QueueJson, SystemJson } from "@windlass/contract";
import { expect, test } from "vitest";
import { plainStyle } from "../output/style.ts";
import { ratesSince, WINDOW_SECONDS } from "./rates.ts";
import { SORTS, topLines, type Snapshot, type View } from "./top-lines.ts";

const AT = Date.parse("2026-01-31T12:00:00Z");
const iso = (agoSeconds: number): string => new Date(AT - agoSeconds * 1000).toISOString();

const queue = (name: string, figures: Partial<QueueJson> = {}): QueueJson =>
  ({
    name,
    paused: false,
    concurrencyLimit: null,
    scheduled: 0,
    queued: 0,
    running: 0,
    waiting: 0,
    oldestQueuedAt: null,
    ...figures,
  }) as QueueJson;
const job = (id: string, agoSeconds: number): JobJson =>
  ({
    id,
    name: `name of ${id}`,
    kind: "task",
    queue: "default",
    state: "running",
    attempts: 1,
    startedAt: iso(agoSeconds),
    finishedAt: null,
  }) as JobJson;
const snapshot = (queues: readonly QueueJson[], running: readonly JobJson[]): Snapshot => ({
  url: "http://127.0.0.1:4180",
  at: AT,
  system: {
    version: "1.2.3",
    store: "sqlite",
    startedAt: iso(3600),
    jobs: { queued: 12, running: 0, succeeded: 10_000 },
  } as unknown as SystemJson,
  queues,
  workers: [
    { role: "worker", running: 3 },
    { role: "worker", running: 4 },
  ] as unknown as NonNullable<Snapshot["workers"]>,
  running,
  rates: { started: 12.34, finished: 1234.5, failed: 0 },
});
const view: View = { sort: "name", paused: false, note: "" };
const plain = { columns: undefined, rows: undefined, style: plainStyle };

test("server, jobs, rates, queues and what runs are told", () => {
  const text = topLines(snapshot([queue("mail", { queued: 7, oldestQueuedAt: iso(90) })], [job("job_1", 65)]), view, plain).join("\n");
  expect(text).toContain("windlass 1.2.3 at http://127.0.0.1:4180, sqlite, up 1h");
  expect(text).toContain("jobs   queued 12  succeeded 10,000+");
  expect(text).toContain("rates  started 12.3/s  finished 1,235/s  failed 0.0/s");
  expect(text).toContain("held   worker 2 (7 attempts)");
  expect(text).toMatch(/mail +open +none +7 .*1m 30s ago/u);
  const full = topLines(snapshot([queue("mail", { queued: 100_000 })], []), view, plain).join("\n");
  expect(full).toMatch(/mail +open +none +100000\+ /u);
  expect(text).toMatch(/job_1 +name of job_1 .* 1m 5s/u);
});

test("queues are sorted as asked, and by name where that says nothing", () => {
  const queues = [
    queue("b", { queued: 1, oldestQueuedAt: iso(10) }),
    queue("a", { queued: 1 }),
    queue("c", { queued: 5, oldestQueuedAt: iso(99) }),
  ];
  const order = (sort: View["sort"]): string =>
    topLines(snapshot(queues, []), { ...view, sort }, plain)
      .flatMap((line) => /^([abc]) /u.exec(line)?.[1] ?? [])
      .join("");
  expect(order("name")).toBe("abc");
  expect(order("queued")).toBe("cab");
  expect(order("oldest")).toBe("cba");
});

test("that it is paused, or not up to date, is said", () => {
  expect(topLines(snapshot([], []), { ...view, paused: true }, plain)[0]).toContain("paused");
  expect(topLines(snapshot([], []), { ...view, note: "no answer" }, plain)[0]).toContain("not up to date: no answer");
});

test("it fits any window that can be read", () => {
  fc.assert(
    fc.property(
      fc.tuple(fc.nat(60), fc.nat(60)),
      fc.integer({ min: 20, max: 80 }),
      fc.constantFrom(...SORTS),
      ([queues, jobs], rows, sort) => {
        const all = snapshot(
          Array.from({ length: queues }, (_, i) => queue(`queue-${i}`)),
          Array.from({ length: jobs }, (_, i) => job(`job_${i}`, i)),
        );
        expect(topLines(all, { ...view, sort }, { columns: 100, rows, style: plainStyle }).length).toBeLessThanOrEqual(rows);
      },
    ),
  );
});

test("rates are of the last seconds, and begin with the time there is", () => {
  const rates = ratesSince(0);
  for (let i = 0; i < 20; i++) rates.count("started", 1_500);
  expect(rates.rate("started", 2_000)).toBe(10);
  expect(rates.rate("failed", 2_000)).toBe(0);
  expect(rates.rate("started", (WINDOW_SECONDS + 2) * 1000)).toBe(0);
});
