/**
 * Deaths that only a cluster with nodes of ours can show. Each has a node of its own, so that all are brought about at the same
 * time; the first node, where the API server is, is left alone.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { Death } from "@windlass/k8s-watcher";
import { runLab, type LabAddress } from "@windlass/testkit/lab";

/** With the first one. */
export const NODES = 5;

const READY_SECONDS = 180;

export function nodeDeaths(address: LabAddress): readonly Death[] {
  const lab = (...args: readonly string[]): Promise<string> => runLab(address, ...args);
  const deaths: readonly NodeDeath[] = [
    // As a power failure: kubelet, runtime and containers at once, and nothing tells the API server.
    { name: "node-fails", fail: (node) => lab("stop-node", node), mend: (node) => lab("start-node", node) },
    // Its container goes on.
    {
      name: "kubelet-gone",
      fail: async (node) => signalKubelet(address, node, "SIGSTOP"),
      mend: async (node) => signalKubelet(address, node, "SIGCONT"),
    },
    {
      name: "node-removed",
      fail: (node) => lab("kubectl", "delete", "node", node),
      // A kubelet makes its node only when it starts.
      mend: async (node) => {
        await lab("stop-node", node);
        await lab("start-node", node);
      },
    },
    {
      name: "node-tainted",
      fail: (node) => lab("kubectl", "taint", "node", node, `${TAINT}=leave:NoExecute`),
      mend: (node) => lab("kubectl", "taint", "node", node, `${TAINT}:NoExecute-`),
    },
  ];
  return deaths.map(({ name, fail, mend }, index): Death => {
    const node = `node-${index + 2}`;
    return {
      name,
      script: "sleep 3600",
      pod: { nodeSelector: { "kubernetes.io/hostname": node } },
      expected: ["failed_node_lost node_lost"],
      act: async () => void (await fail(node)),
      async mend(removeJob) {
        await removeJob();
        await mend(node);
        await lab("kubectl", "wait", "--for=condition=Ready", `node/${node}`, `--timeout=${READY_SECONDS}s`);
      },
    };
  });
}

interface NodeDeath {
  readonly name: string;
  readonly fail: (node: string) => Promise<unknown>;
  readonly mend: (node: string) => Promise<unknown>;
}

const TAINT = "windlass.dev/conformance";

function signalKubelet({ folder }: LabAddress, node: string, signal: NodeJS.Signals): void {
  const pids = readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name))
    .map(Number)
    .filter((pid) => isKubelet(pid, `--root-dir=${folder}/`, `--hostname-override=${node}`));
  if (pids.length !== 1) throw new Error(`${pids.length} kubelets of ${node} are running`);
  for (const pid of pids) process.kill(pid, signal);
}

function isKubelet(pid: number, folder: string, node: string): boolean {
  try {
    const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return args.some((arg) => arg.startsWith(folder)) && args.includes(node);
  } catch {
    // It has ended since.
    return false;
  }
}
