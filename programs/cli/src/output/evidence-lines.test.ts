import type { JsonObject } from "@windlass/kernel";
import { expect, test } from "vitest";
import { clusterBlock } from "./evidence-lines.ts";
import { plainStyle } from "./style.ts";

const evidence: JsonObject = {
  job: { name: "windlass-oom-1", namespace: "windlass" },
  pods: [
    {
      ...{ name: "windlass-oom-1-x", node: "node-2", phase: "Failed", goneAt: "2026-01-01T00:00:09Z" },
      containers: [
        {
          name: "main",
          image: "busybox:1",
          memoryLimit: "32Mi",
          restarts: 0,
          state: { is: "terminated", exitCode: 137, reason: "OOMKilled" },
        },
        {
          name: "side",
          sort: "sidecar",
          image: "busybox:1",
          restarts: 2,
          state: { is: "waiting", reason: "ErrImagePull", message: "not found\u001b[2J" },
        },
      ],
    },
  ],
  events: [
    { at: "2026-01-01T00:00:05Z", kind: "Pod", type: "Warning", reason: "FailedScheduling", message: "0/3 nodes are available", count: 4 },
  ],
  nodes: [{ name: "node-2", ready: false, message: "Kubelet stopped posting node status." }],
};

test("pods, containers, nodes and events are told as lines", () => {
  expect(clusterBlock(evidence, plainStyle).split("\n")).toEqual([
    "on the cluster:",
    "  job windlass-oom-1 in windlass",
    "  pod windlass-oom-1-x on node-2: Failed, gone since",
    "    main (busybox:1, limit 32Mi): terminated, OOMKilled, exit code 137",
    expect.stringContaining("    side (sidecar, busybox:1): waiting, ErrImagePull, restarted 2 times: not found"),
    "  node node-2 does not report: Kubelet stopped posting node status.",
    "  00:00:05  Warning  Pod FailedScheduling (4 times): 0/3 nodes are available",
    "",
  ]);
});

test("what a container said cannot steer a terminal", () => {
  expect(clusterBlock(evidence, plainStyle)).not.toContain("\u001b");
});

test("what has nothing of a cluster in it, or another shape, is told by nothing", () => {
  for (const one of [undefined, null, "text", {}, { pods: "none", events: 7, nodes: [1, null] }, { memory: { limitBytes: 1 } }])
    expect(clusterBlock(one, plainStyle)).toBe("");
});
