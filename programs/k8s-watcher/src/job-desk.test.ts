/** What the desk makes of what it learns, on a fake clock, with logs and a server that only write down what they are asked. */
import { ANNOTATIONS, DEFAULT_GRACES, FactMemory, LABELS } from "@windlass/kubernetes";
import { fakeClock, FAKE_START, seededRandom } from "@windlass/testkit";
import { expect, test } from "vitest";
import { JobDesk } from "./job-desk.ts";
import type { JobLogs } from "./job-logs.ts";
import type { Account, ServerLine } from "./server-line.ts";
import { SILENT } from "./watcher-fixture.ts";
import { watcherMetrics } from "./watcher-metrics.ts";

const UID = "uid-1";

const at = (agoMs: number): string => new Date(FAKE_START - agoMs).toISOString();

const jobObject = (annotations: Record<string, string> = {}, conditions: readonly object[] = []): object => ({
  metadata: {
    name: "a",
    namespace: "n",
    uid: UID,
    labels: { [LABELS.job]: "job_a", [LABELS.attempt]: "1" },
    annotations: { [ANNOTATIONS.attempt]: "job_a/1", ...annotations },
    creationTimestamp: at(600_000),
  },
  spec: { backoffLimit: 0 },
  status: { conditions },
});

function deskOf(logs: Partial<JobLogs> = {}) {
  const clock = fakeClock();
  const told: Account[] = [];
  const looks: string[] = [];
  const line: ServerLine = {
    tell: async (_, account) => {
      told.push(account);
      return { is: "answered", answer: { status: "accepted_in_flight" } };
    },
    tellLog: async ({ offset, bytes }) => ({ is: "answered", answer: { status: "stored", next: offset + bytes.length } }),
    tellUndelivered: async () => ({ is: "answered", answer: null }),
    takeTurn: async () => ({ is: "answered", answer: true }),
  };
  const over = new AbortController();
  const machine = { clock, random: seededRandom(1), logger: SILENT, metrics: watcherMetrics(), signal: over.signal };
  const memory = new FactMemory();
  const desk = new JobDesk({
    memory,
    line,
    graces: DEFAULT_GRACES,
    machine,
    logs: {
      look: ({ job }) => void looks.push(job.uid),
      isDone: () => true,
      tail: () => null,
      forget: () => {},
      count: 0,
      settled: async () => {},
      ...logs,
    },
  });
  desk.open();
  return { clock, desk, memory, told, looks };
}

test("what is learned at any moment of a look leads to another one", async () => {
  for (let steps = 0; steps < 30; steps++) {
    const { clock, desk, memory, looks } = deskOf();
    memory.seeJob(jobObject());
    desk.touch(UID);
    for (let step = 0; step < steps; step++) await null;
    const before = looks.length;
    desk.touch(UID);
    await clock.advance(0);
    expect(looks.length, `touched after ${steps} steps`).toBeGreaterThan(before);
  }
});

test("a look that throws is looked again after a pause", async () => {
  let faults = 0;
  const { clock, desk, memory } = deskOf({
    look: () => {
      faults++;
      throw new Error("a fault of ours");
    },
  });
  memory.seeJob(jobObject());
  desk.touch(UID);
  await clock.advance(0);
  expect(faults).toBe(1);
  await clock.advance(60_000);
  expect(faults).toBeGreaterThan(2);
  expect(faults).toBeLessThan(20);
});
