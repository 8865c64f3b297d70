/** The watcher on a cluster of which not all may be read. */
import { ANNOTATIONS, DEFAULT_GRACES, LABELS, type ClusterCall, type ClusterClient } from "@windlass/kubernetes";
import { fakeClock, FAKE_START, seededRandom } from "@windlass/testkit";
import { expect, test } from "vitest";
import { clusterWatcher } from "./cluster-watcher.ts";
import type { Account, ServerLine } from "./server-line.ts";
import { SILENT } from "./watcher-fixture.ts";

const endedIn = (namespace: string): object => ({
  metadata: {
    name: `in-${namespace}`,
    namespace,
    uid: `uid-${namespace}`,
    labels: { [LABELS.job]: `job_${namespace}`, [LABELS.attempt]: "1" },
    annotations: { [ANNOTATIONS.attempt]: `job_${namespace}/1` },
  },
  spec: { backoffLimit: 0 },
  status: { conditions: [{ type: "Complete", status: "True", lastTransitionTime: new Date(FAKE_START - 600_000).toISOString() }] },
});

/** A status, a list, or null: there is no answer. */
type Answer = number | readonly object[] | null;

async function watching(namespaces: readonly string[], answerOf: (path: string) => Answer) {
  const clock = fakeClock();
  const told: Account[] = [];
  const silent = (signal: AbortSignal | undefined) =>
    new Promise<never>((_, reject) => signal?.addEventListener("abort", () => reject(new Error("over")), { once: true }));
  const client = {
    call: async (_: string, path: string, { signal }: ClusterCall) => {
      const answer = answerOf(path);
      if (answer === null) return silent(signal);
      if (typeof answer === "number") return { status: answer, headers: {}, body: {} };
      return { status: 200, headers: {}, body: { items: answer, metadata: { resourceVersion: "1" } } };
    },
    stream: (_: string, __: string, { signal }: ClusterCall) => silent(signal),
  } as unknown as ClusterClient;
  const line = {
    tell: async (_: unknown, account: Account) => {
      told.push(account);
      return { is: "answered", answer: { status: "accepted_in_flight" } };
    },
  } as unknown as ServerLine;
  const random = seededRandom(1);
  const options = { client, line, namespaces, selector: "a=b", graces: DEFAULT_GRACES, turn: "", clock, random, logger: SILENT };
  const watcher = clusterWatcher(options);
  await watcher.start();
  await clock.advance(10_000);
  return { watcher, told };
}

test("a namespace that may not be read keeps no end of another one from being told", async () => {
  const { watcher, told } = await watching(["one", "two"], (path) => {
    if (path.includes("/two/")) return path.endsWith("/jobs") ? [endedIn("two")] : 403;
    return path.endsWith("/jobs") ? [endedIn("one")] : [];
  });
  expect(told).toMatchObject([{ jobName: "in-one", state: "succeeded" }]);
  expect(watcher.state().isReady).toBe(false);
  await watcher.stop();
});

test("events and nodes that may not be read, or do not answer, keep no end from being told", async () => {
  const { watcher, told } = await watching([], (path) => {
    if (path.endsWith("/events")) return 403;
    if (path.endsWith("/nodes")) return null;
    return path.endsWith("/jobs") ? [endedIn("one"), endedIn("two")] : [];
  });
  expect(told.map(({ jobName }) => jobName)).toEqual(["in-one", "in-two"]);
  expect(watcher.state().isReady).toBe(true);
  await watcher.stop();
});
