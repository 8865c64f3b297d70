/** What the desk makes of what it learns, on a fake clock, with logs and a server that only write down what they are asked. */
import { ANNOTATIONS, DEFAULT_GRACES, FactMemory, LABELS } from "@windlass/kubernetes";
import { fakeClock, FAKE_START, seededRandom } from "@windlass/testkit";
import { expect, test } from "vitest";
import type { Tail } from "./account.ts";
import { JobDesk } from "./job-desk.ts";
import type { JobLogs } from "./job-logs.ts";
import type { Account, CallbackAnswer, ServerLine } from "./server-line.ts";
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

const podObject: object = {
  metadata: { name: "a-1", uid: "pod-1", creationTimestamp: at(600_000), ownerReferences: [{ kind: "Job", controller: true, uid: UID }] },
  spec: { nodeName: "node-1", containers: [{ name: "main" }] },
  status: {
    phase: "Succeeded",
    containerStatuses: [{ name: "main", restartCount: 0, state: { terminated: { exitCode: 0, reason: "Completed" } } }],
  },
};

/** One that ended well so long ago. */
function seeEnd(memory: FactMemory, agoMs: number, annotations: Record<string, string> = {}): void {
  memory.seePod(podObject, FAKE_START);
  memory.seeJob(jobObject(annotations, [{ type: "Complete", status: "True", lastTransitionTime: at(agoMs) }]));
}

function deskOf(
  logs: Partial<JobLogs> = {},
  status: CallbackAnswer["status"] = "accepted_in_flight",
  podsAreCurrent: () => boolean = () => true,
) {
  const clock = fakeClock();
  const told: Account[] = [];
  const looks: string[] = [];
  const line: ServerLine = {
    tell: async (_, account) => {
      told.push(account);
      return { is: "answered", answer: { status } };
    },
    tellLog: async ({ offset, bytes }) => ({ is: "answered", answer: { status: "stored", next: offset + bytes.length } }),
    toldLogs: async () => ({ is: "answered", answer: { status: "known", sources: [] } }),
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
    podsAreCurrent,
    logs: {
      look: ({ job }) => void looks.push(job.uid),
      isDone: () => true,
      isReading: () => false,
      tail: () => null,
      forget: () => {},
      count: 0,
      settled: async () => {},
      ...logs,
    },
  });
  desk.open("");
  return { clock, desk, memory, told, looks };
}

test("what is learned at any moment of a look leads to another one", async () => {
  for (let steps = 0; steps < 30; steps++) {
    const { clock, desk, memory, looks } = deskOf();
    memory.seeJob(jobObject());
    desk.touch(UID);
    for (let step = 0; step < steps; step++) await Promise.resolve();
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

const PROMISED = { [ANNOTATIONS.output]: "true" };
const tailOf = (text: string, isWhole: boolean): Tail => ({ bytes: new TextEncoder().encode(text), wasCut: false, isWhole });

test.each([[0], [600_000]])("an end %d ms ago with a promised output is told when its log was read to its end", async (agoMs) => {
  let isReading = true;
  const { clock, desk, memory, told } = deskOf({
    isDone: () => !isReading,
    isReading: () => isReading,
    tail: () => tailOf(isReading ? '{"rows":1}\n' : '{"rows":1}\n{"rows":2}\n', !isReading),
  });
  seeEnd(memory, agoMs, PROMISED);
  desk.touch(UID);
  await clock.advance(60_000);
  expect(told).toEqual([]);
  isReading = false;
  desk.touch(UID);
  await clock.advance(0);
  expect(told).toMatchObject([{ state: "succeeded", output: { rows: 2 } }]);
});

test("an end whose log is not read to its end within minutes is told as what it is, without an output", async () => {
  const { clock, desk, memory, told } = deskOf({ isDone: () => false, isReading: () => true, tail: () => tailOf('{"rows":1}\n', false) });
  seeEnd(memory, 0, PROMISED);
  desk.touch(UID);
  await clock.advance(600_000);
  expect(told).toMatchObject([{ state: "succeeded", reason: "ok" }]);
  expect(told[0]).not.toHaveProperty("output");
  expect(told[0]?.message).toContain("could not be read to its end");
});

test("an end that promises no output does not wait for more than a moment", async () => {
  const { clock, desk, memory, told } = deskOf({ isDone: () => false, isReading: () => true });
  seeEnd(memory, 0);
  desk.touch(UID);
  await clock.advance(3_000);
  expect(told).toMatchObject([{ state: "succeeded" }]);
});

test("the logs of one that ended long ago, and was told before, are looked at", async () => {
  const { clock, desk, memory, told, looks } = deskOf({}, "accepted_duplicate");
  seeEnd(memory, 600_000);
  desk.touch(UID);
  await clock.advance(0);
  expect(told).toHaveLength(1);
  const before = looks.length;
  expect(before).toBeGreaterThan(0);
  desk.touch(UID);
  await clock.advance(0);
  expect(looks.length).toBeGreaterThan(before);
});

test.each([[500], [600_000]])("of a Job that failed %i ms ago, while its pods cannot be watched, the end waits for them", async (agoMs) => {
  let isCurrent = false;
  const { clock, desk, memory, told } = deskOf({}, "accepted_in_flight", () => isCurrent);
  memory.seeJob(jobObject({}, [{ type: "Failed", status: "True", reason: "BackoffLimitExceeded", lastTransitionTime: at(agoMs) }]));
  desk.touch(UID);
  await clock.advance(60_000);
  expect(told.filter(({ state }) => state === "failed")).toEqual([]);
  memory.seePod(
    {
      ...podObject,
      status: { phase: "Failed", containerStatuses: [{ name: "main", restartCount: 0, state: { terminated: { exitCode: 4 } } }] },
    },
    FAKE_START,
  );
  isCurrent = true;
  desk.touch(UID);
  await clock.advance(5_000);
  expect(told.at(-1)).toMatchObject({ state: "failed", reason: "exit_code", exitCode: 4 });
});

test("pods that can never be watched again keep no end for ever", async () => {
  const { clock, desk, memory, told } = deskOf({}, "accepted_in_flight", () => false);
  memory.seeJob(jobObject({}, [{ type: "Failed", status: "True", reason: "BackoffLimitExceeded", lastTransitionTime: at(500) }]));
  desk.touch(UID);
  await clock.advance(130_000);
  expect(told.at(-1)).toMatchObject({ state: "failed", reason: "failed_outside" });
});
