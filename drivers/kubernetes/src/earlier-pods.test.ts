import { WindlassError, type JsonObject } from "@windlass/kernel";
import { fakeClock } from "@windlass/testkit/fakes";
import { expect, test } from "vitest";
import type { WhyWait } from "./back-pressure.ts";
import type { ClusterClient } from "./cluster-client.ts";
import { untilEarlierAreOver } from "./earlier-pods.ts";

const pod = (name: string, phase: string, more: JsonObject = {}): JsonObject => ({
  metadata: { name, labels: { "windlass.dev/attempt": "1" }, ...more },
  spec: { nodeName: "node-2" },
  status: { phase },
});

/** What is there at each look; the last one stays. */
function waitingFor(looks: readonly (readonly JsonObject[] | number)[], attempt = 2) {
  const clock = fakeClock();
  const stop = new AbortController();
  const asked: unknown[] = [];
  const told: WhyWait[] = [];
  const call = async (_: string, path: string, options: { readonly query: object }): Promise<object> => {
    const look = looks[Math.min(asked.length, looks.length - 1)] ?? [];
    asked.push({ path, ...options.query });
    return typeof look === "number" ? { status: look, headers: {}, body: {} } : { status: 200, headers: {}, body: { items: look } };
  };
  const whose = { client: { call } as unknown as ClusterClient, namespace: "jobs", rules: { place: "here" } };
  const patience = { clock, chance: () => 0.5, signal: stop.signal, onWait: (why: WhyWait) => void told.push(why) };
  return { clock, stop, asked, told, over: untilEarlierAreOver({ jobId: "job_1", attempt }, whose, patience) };
}

test("it waits as long as a pod of an earlier attempt has not ended, and says for which, where, and since when", async () => {
  const cutOff = pod("a-1-x", "Running", { deletionTimestamp: "2026-01-01T00:00:30Z" });
  const { clock, over, told, asked } = waitingFor([[cutOff, pod("a-1-y", "Pending")], [cutOff], [pod("a-1-x", "Failed")]]);
  await clock.until(async () => asked.length === 3, 60_000);
  await over;
  expect(told).toMatchObject([
    {
      reason: "earlier_attempt_runs",
      message:
        "the pod a-1-x of attempt 1 may still run on the node node-2, for the cluster has not heard of its end; it was to be gone by 2026-01-01T00:00:30Z (and 1 more)",
    },
    { reason: "earlier_attempt_runs" },
  ]);
  expect(asked[0]).toEqual({
    path: "/api/v1/namespaces/jobs/pods",
    labelSelector: "app.kubernetes.io/managed-by=windlass,windlass.dev/place=here,windlass.dev/job-id=job_1,windlass.dev/attempt!=2",
  });
});

test("nothing is earlier than the first attempt, and what has ended or is gone is not waited for", async () => {
  const first = waitingFor([[pod("a", "Running")]], 1);
  await first.over;
  expect(first.asked).toEqual([]);
  const ended = waitingFor([[pod("a", "Succeeded"), pod("b", "Failed")]]);
  await ended.over;
  expect([ended.asked.length, ended.told]).toEqual([1, []]);
});

test("a cluster that does not answer is no answer", async () => {
  await expect(waitingFor([503]).over).rejects.toMatchObject({ code: "unavailable" });
});

test("a stop ends the waiting", async () => {
  const { clock, stop, over } = waitingFor([[pod("a", "Running")]]);
  const ended = over.catch((error: unknown) => error);
  await clock.advance(100_000);
  stop.abort(new WindlassError("conflict", "it was stopped"));
  expect(await ended).toMatchObject({ code: "conflict" });
});
