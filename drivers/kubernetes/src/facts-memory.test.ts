import { isJsonObject } from "@windlass/kernel";
import fc from "fast-check";
import { expect, test } from "vitest";
import { classify } from "./classify.ts";
import { FactMemory, merged } from "./facts-memory.ts";
import { RECORDED, RECORDED_AT, remembered, stepsOf, tell } from "./recorded-deaths-fixture.ts";

const NOW = RECORDED_AT + 3_600_000;

test("a pod that is gone is remembered with how it ended", () => {
  const memory = remembered("evicted");
  expect(memory.livingPods()).toEqual([]);
  expect(memory.facts("uid-1")?.pods).toMatchObject([{ phase: "Failed", goneAt: expect.any(Number) }]);
});

test("an older version that was told later unlearns nothing", () => {
  const pods = stepsOf("on-failure-oom-ok").filter(({ kind }) => kind === "pod");
  const memory = remembered("on-failure-oom-ok");
  const [first] = pods;
  if (first === undefined) throw new Error("no pod");
  tell(memory, { ...first, at: 100_000 });
  expect(memory.facts("uid-1")?.pods[0]?.containers[0]).toMatchObject({ hasStarted: true, wasKilledForMemory: true });
});

test("a container waits since it was first seen to wait for the same sort of reason", () => {
  const times = new Set<number | null>();
  for (let count = 1; count <= stepsOf("no-image").length; count++) {
    let told = 0;
    const [pod] = remembered("no-image", () => told++ < count).facts("uid-1")?.pods ?? [];
    const [container] = pod?.containers ?? [];
    if (container?.state.is === "waiting" && /Pull/u.test(container.state.reason)) times.add(container.waitingSince);
  }
  expect(times.size).toBe(1);
});

test("pods and events may come before their Job, and events before their pod", () => {
  const steps = stepsOf("exit-3");
  const inTurn = classify(remembered("exit-3").facts("uid-1") ?? never(), NOW);
  const memory = new FactMemory();
  for (const kind of ["event", "pod", "job"]) for (const step of steps) if (step.kind === kind) tell(memory, step);
  expect(classify(memory.facts("uid-1") ?? never(), NOW)).toEqual(inTurn);
});

test("whichever of the lists comes first, the end is the same", () => {
  const names = [...RECORDED.keys()];
  const orders = fc.shuffledSubarray(["job", "pod", "event", "node"], { minLength: 4 });
  fc.assert(
    fc.property(fc.constantFrom(...names), orders, (name, order) => {
      const memory = new FactMemory();
      for (const kind of order) for (const step of stepsOf(name)) if (step.kind === kind) tell(memory, step);
      const verdict = classify(memory.facts("uid-1") ?? never(), NOW);
      const inTurn = classify(remembered(name).facts("uid-1") ?? never(), NOW);
      expect([verdict.isFinal && verdict.outcome, verdict.reason]).toEqual([inTurn.isFinal && inTurn.outcome, inTurn.reason]);
    }),
  );
});

test("a stop that was asked for is remembered when the last word of the Job does not say so", () => {
  const memory = remembered("stopped", ({ type }) => type !== "DELETED");
  const last = stepsOf("stopped").findLast(({ kind }) => kind === "job");
  if (last === undefined) throw new Error("no Job");
  const metadata = isJsonObject(last.object["metadata"]) ? last.object["metadata"] : {};
  tell(memory, { ...last, type: "DELETED", object: { ...last.object, metadata: { ...metadata, annotations: {} } } });
  expect(classify(memory.facts("uid-1") ?? never(), NOW)).toMatchObject({ outcome: "cancelled", reason: "cancel_requested" });
});

test("what was forgotten is not there any more", () => {
  const memory = remembered("exit-3");
  memory.forget("uid-1");
  expect(memory.facts("uid-1")).toBeNull();
  expect(memory.size).toBe(0);
  expect(memory.livingPods()).toEqual([]);
});

test("events of one Job, and of strangers, are bounded", () => {
  const memory = remembered("exit-3");
  for (let index = 0; index < 5_000; index++) {
    memory.seeEvent(eventOf(`own-${index}`, "uid-1", index));
    memory.seeEvent(eventOf(`strange-${index}`, "nobody", index));
  }
  const events = memory.facts("uid-1")?.events ?? [];
  expect(events.length).toBeLessThanOrEqual(60);
  expect(events.some(({ reason }) => reason === "BackoffLimitExceeded")).toBe(true);
});

test("pods of one Job are bounded: the latest are kept", () => {
  const memory = remembered("retry-pods");
  const [pod] = stepsOf("retry-pods").filter(({ kind }) => kind === "pod");
  if (pod === undefined) throw new Error("no pod");
  const metadata = isJsonObject(pod.object["metadata"]) ? pod.object["metadata"] : {};
  for (let index = 0; index < 100; index++) {
    const creationTimestamp = new Date(RECORDED_AT + index * 1_000).toISOString();
    memory.seePod({ ...pod.object, metadata: { ...metadata, uid: `more-${index}`, creationTimestamp } }, NOW);
  }
  const pods = memory.facts("uid-1")?.pods ?? [];
  expect(pods.length).toBeLessThanOrEqual(20);
  expect(pods.at(-1)?.uid).toBe("more-99");
});

test("nodes are told of only when what they mean changes, and a removed one is remembered while a pod was there", () => {
  const memory = remembered("node-lost", ({ at }) => at < 12_000);
  const node = stepsOf("node-lost").findLast(({ kind }) => kind === "node");
  if (node === undefined) throw new Error("no node");
  const { name } = node.object["metadata"] as { readonly name: string };
  expect(memory.seeNode(node.object)).toEqual([]);
  expect(memory.loseNode(name, NOW)).toEqual(["uid-1"]);
  expect(memory.facts("uid-1")?.nodes).toMatchObject([{ name, isGone: true, isReady: false }]);
});

test("merging is the same done twice", () => {
  const pods = remembered("oom").facts("uid-1")?.pods ?? [];
  for (const pod of pods) expect(merged(pod, pod)).toEqual(pod);
});

function eventOf(uid: string, about: string, index: number): unknown {
  const at = new Date(RECORDED_AT + index).toISOString();
  return {
    metadata: { uid },
    involvedObject: { kind: "Job", uid: about, name: "exit-3" },
    type: "Normal",
    reason: "Said",
    message: uid,
    firstTimestamp: at,
    lastTimestamp: at,
  };
}

function never(): never {
  throw new Error("nothing is known of it");
}
