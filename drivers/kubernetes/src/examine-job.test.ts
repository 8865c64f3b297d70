/** What is seen by a look: of a log that is longer than what is kept, cut as a kubelet does; of what waits, at several looks. */
import { Readable } from "node:stream";
import type { ClusterCall, ClusterClient } from "./cluster-client.ts";
import { expect, test } from "vitest";
import { DEFAULT_GRACES } from "./classify-stuck.ts";
import { examineJob } from "./examine-job.ts";
import { FactMemory } from "./facts-memory.ts";
import type { ClusterJob } from "./job-state.ts";
import { ANNOTATIONS, LABELS } from "./labels.ts";

const NOW = Date.parse("2026-01-01T00:10:00Z");
const metadata = {
  name: "a",
  namespace: "n",
  uid: "uid-1",
  labels: { [LABELS.job]: "job_a", [LABELS.attempt]: "1" },
  annotations: { [ANNOTATIONS.output]: "true" },
};
const job = {
  metadata,
  spec: { backoffLimit: 0 },
  status: { conditions: [{ type: "Complete", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }] },
} as unknown as ClusterJob;
const pod = {
  metadata: { name: "a-1", uid: "pod-1", ownerReferences: [{ kind: "Job", controller: true, uid: "uid-1" }] },
  spec: { containers: [{ name: "main" }] },
  status: {
    phase: "Succeeded",
    containerStatuses: [{ name: "main", restartCount: 0, state: { terminated: { exitCode: 0, reason: "Completed" } } }],
  },
};

/** The last lines, and of these the first bytes. */
function cut(text: string, { tailLines, limitBytes }: NonNullable<ClusterCall["query"]>): string {
  const lines = text
    .trimEnd()
    .split("\n")
    .slice(-Number(tailLines ?? 1e9));
  return `${lines.join("\n")}\n`.slice(0, Number(limitBytes ?? 1e9));
}

function clusterWith(log: string, pods: readonly object[] = [pod]): ClusterClient {
  return {
    call: async (_: string, path: string) => ({ status: 200, headers: {}, body: { items: path.endsWith("/pods") ? pods : [] } }),
    stream: async (_: string, __: string, { query = {} }: ClusterCall) => {
      const bytes = Buffer.from(cut(log, query));
      const chunks = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (___, i) => bytes.subarray(i * 65_536, (i + 1) * 65_536));
      return Object.assign(Readable.from(chunks), { statusCode: 200 });
    },
  } as unknown as ClusterClient;
}

test("the output is the last line that is JSON, also of a log of which only the end is kept", async () => {
  const log = `{"rows":1}\n${`${"noise ".repeat(100)}\n`.repeat(5_000)}{"rows":2}\n`;
  const ended = await examineJob(job, { client: clusterWith(log), memory: new FactMemory(), graces: DEFAULT_GRACES, now: NOW });
  expect(ended?.result).toMatchObject({ outcome: "succeeded", output: { rows: 2 } });
  expect(ended?.result.evidence?.["logTail"]).toContain('{"rows":2}');
});

test("what waits is looked at again, and is given up after the grace that was asked for, from the first look on", async () => {
  const stuck = {
    metadata: pod.metadata,
    spec: pod.spec,
    status: {
      phase: "Pending",
      containerStatuses: [{ name: "main", restartCount: 0, state: { waiting: { reason: "ImagePullBackOff", message: "not found" } } }],
    },
  };
  const waiting = { metadata, spec: { backoffLimit: 0 }, status: {} } as unknown as ClusterJob;
  const looking = { client: clusterWith("", [stuck]), memory: new FactMemory(), graces: { ...DEFAULT_GRACES, imagePullMs: 5_000 } };
  expect(await examineJob(waiting, { ...looking, now: NOW })).toBeNull();
  expect(await examineJob(waiting, { ...looking, now: NOW + 4_999 })).toBeNull();
  expect((await examineJob(waiting, { ...looking, now: NOW + 5_000 }))?.result).toMatchObject({
    outcome: "failed_image_pull",
    reason: "image_not_found",
  });
});
