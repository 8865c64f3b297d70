/** Logs of several containers of one Job, told to servers that take each other's place. */
import { Readable } from "node:stream";
import { FactMemory, type ClusterCall, type ClusterClient } from "@windlass/kubernetes";
import { fakeClock, FAKE_START, seededRandom } from "@windlass/testkit";
import { expect, test } from "vitest";
import { jobLogs } from "./job-logs.ts";
import type { LogPiece, ServerLine } from "./server-line.ts";
import { SILENT } from "./watcher-fixture.ts";
import { watcherMetrics } from "./watcher-metrics.ts";

const ENDED = { terminated: { exitCode: 0, reason: "Completed" } };
const to = { to: { id: "job_a", attempt: 1 }, outputBytes: 0 };

/** A Job whose init container has ended, and whose main one has not begun, or has ended too. */
function factsOf(main: object) {
  const memory = new FactMemory();
  memory.seeJob({ metadata: { name: "a", namespace: "n", uid: "uid-1" }, spec: { backoffLimit: 0 } });
  memory.seePod(
    {
      metadata: { name: "a-1", uid: "pod-1", ownerReferences: [{ kind: "Job", controller: true, uid: "uid-1" }] },
      spec: { nodeName: "node-1", initContainers: [{ name: "setup" }], containers: [{ name: "main" }] },
      status: {
        phase: "Running",
        initContainerStatuses: [{ name: "setup", restartCount: 0, started: false, state: ENDED }],
        containerStatuses: [{ name: "main", restartCount: 0, ...main }],
      },
    },
    FAKE_START,
  );
  const facts = memory.facts("uid-1");
  if (facts === null) throw new Error("no facts");
  return facts;
}

function site() {
  const clock = fakeClock();
  const client = {
    stream: async (_: string, __: string, { query }: ClusterCall) =>
      Object.assign(Readable.from([Buffer.from(`2026-01-01T00:00:01Z from ${String(query?.["container"])}\n`)]), { statusCode: 200 }),
  } as unknown as ClusterClient;
  /** By server, and there by container. */
  const stored = [new Map<string, string>(), new Map<string, string>()] as const;
  let isFirst = true;
  const here = (): Map<string, string> => stored[isFirst ? 0 : 1];
  const line = {
    tellLog: async ({ container = "main", offset, bytes }: LogPiece) => {
      const before = here().get(container) ?? "";
      if (offset > before.length) return { is: "answered", answer: { status: "gap", next: before.length } };
      here().set(container, before.slice(0, offset) + Buffer.from(bytes).toString());
      return { is: "answered", answer: { status: "stored", next: here().get(container)?.length } };
    },
    toldLogs: async () => {
      const sources = [...here()].map(([container, text]) => ({ container, stream: "stdout", next: text.length, cut: false }));
      return { is: "answered", answer: { status: "known", sources } };
    },
  } as unknown as ServerLine;
  const machine = { clock, random: seededRandom(1), logger: SILENT, metrics: watcherMetrics(), signal: new AbortController().signal };
  const logs = jobLogs({ client, line, machine, room: { bytes: 0 }, turn: async () => () => {} }, () => {});
  return { clock, logs, stored, failOver: () => void (isFirst = false) };
}

test("what one server was told of an attempt is told again to the one that has the last of it", async () => {
  const { clock, logs, stored, failOver } = site();
  logs.look(factsOf({ state: { waiting: { reason: "PodInitializing" } } }), to);
  await clock.until(() => logs.isDone("uid-1"), 60_000);
  expect([...stored[0]]).toEqual([["setup", "from setup\n"]]);
  failOver();
  logs.look(factsOf({ state: ENDED }), to);
  await clock.until(() => logs.isDone("uid-1"), 60_000);
  // Done is not said before all of it lies there.
  expect(Object.fromEntries(stored[1])).toEqual({ setup: "from setup\n", main: "from main\n" });
});

test("where one server has all of it, nothing is told twice", async () => {
  const { clock, logs, stored, failOver } = site();
  logs.look(factsOf({ state: ENDED }), to);
  await clock.until(() => logs.isDone("uid-1"), 60_000);
  failOver();
  logs.look(factsOf({ state: ENDED }), to);
  await clock.advance(10_000);
  expect([stored[0].size, stored[1].size]).toEqual([2, 0]);
});
