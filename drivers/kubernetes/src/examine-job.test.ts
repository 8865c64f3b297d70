/** What is read of a log that is longer than what is kept, from a cluster that cuts it as a kubelet does. */
import { Readable } from "node:stream";
import type { ClusterCall, ClusterClient } from "./cluster-client.ts";
import { expect, test } from "vitest";
import { examineJob } from "./examine-job.ts";
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

function clusterWith(log: string): ClusterClient {
  return {
    call: async (_: string, path: string) => ({ status: 200, headers: {}, body: { items: path.endsWith("/pods") ? [pod] : [] } }),
    stream: async (_: string, __: string, { query = {} }: ClusterCall) => {
      const bytes = Buffer.from(cut(log, query));
      const chunks = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (___, i) => bytes.subarray(i * 65_536, (i + 1) * 65_536));
      return Object.assign(Readable.from(chunks), { statusCode: 200 });
    },
  } as unknown as ClusterClient;
}

test("the output is the last line that is JSON, also of a log of which only the end is kept", async () => {
  const log = `{"rows":1}\n${`${"noise ".repeat(100)}\n`.repeat(5_000)}{"rows":2}\n`;
  const ended = await examineJob(clusterWith(log), job, NOW);
  expect(ended?.result).toMatchObject({ outcome: "succeeded", output: { rows: 2 } });
  expect(ended?.result.evidence?.["logTail"]).toContain('{"rows":2}');
});
