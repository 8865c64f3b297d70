/**
 * Measures Windlass on the API server of a real cluster, with the kubelet, the Job controller and the scheduler out of the way:
 * a stand-in of this benchmark gives each Job a pod and says that it has ended. How many Jobs a second go through one server,
 * what each of the programs spends on one, and what thousands of Jobs that stay cost.
 * `npm run bench:cluster -- [--jobs 1500] [--parked 2000] [--parked-seconds 120] [--requests 1000]`. As root.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as rest } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findLab, runLab, startLab, type LabAddress } from "@windlass/testkit/lab";
import type { MeasureOrder } from "./cluster/measure.ts";
import { pidOf } from "./cluster/spent.ts";

const { values: told } = parseArgs({
  options: {
    jobs: { type: "string", default: "1500" },
    parked: { type: "string", default: "2000" },
    "parked-seconds": { type: "string", default: "120" },
    requests: { type: "string", default: "1000" },
  },
});
const NAMESPACE = "bench";
const ACCOUNT = "windlass";
const SERVER = "https://10.97.0.1:6443";
const NODE = { name: "node-2", address: "10.97.0.2" };
/** It stops by itself whatever happens. */
const SECONDS_MAX = 1_800;

const programs = findLab(process.env);
if (typeof programs === "string") throw new Error(programs);
const lab = await startLab(programs, { nodes: 2 });
const folder = mkdtempSync(join(tmpdir(), "windlass-bench-cluster-"));
try {
  await prepare(lab.address);
  await inside(lab.address, orderFor(lab.address, await tokenFor(lab.address)));
} finally {
  await lab.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}

async function prepare(address: LabAddress): Promise<void> {
  const kubectl = (...args: readonly string[]) => runLab(address, "kubectl", ...args);
  await kubectl("create", "namespace", NAMESPACE);
  await kubectl("-n", NAMESPACE, "create", "serviceaccount", ACCOUNT);
  await kubectl("create", "clusterrolebinding", ACCOUNT, "--clusterrole=cluster-admin", `--serviceaccount=${NAMESPACE}:${ACCOUNT}`);
  // Each pod has one, and the controllers make it.
  while ((await kubectl("-n", NAMESPACE, "get", "serviceaccounts", "-o", "name")).split("\n").length < 3) await rest(100);
  for (const name of ["kube-controller-manager", "kube-scheduler"]) process.kill(pidOf(name, address.folder), "SIGSTOP");
  for (const node of ["node-1", NODE.name]) await runLab(address, "stop-node", node);
}

async function tokenFor(address: LabAddress): Promise<string> {
  return (await runLab(address, "kubectl", "-n", NAMESPACE, "create", "token", ACCOUNT, "--duration=2h")).trim();
}

function orderFor(address: LabAddress, token: string): MeasureOrder {
  const files = join(address.folder, "files");
  const adminKubeconfig = join(files, "kubeconfig");
  const ca = /certificate-authority-data: (\S+)/u.exec(readFileSync(adminKubeconfig, "utf8"))?.[1] ?? "";
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, JSON.stringify(kubeconfigOf(ca, token)), { mode: 0o600 });
  return {
    folder: join(folder, "data"),
    kubeconfig,
    adminKubeconfig,
    clusterFolder: address.folder,
    namespace: NAMESPACE,
    standIn: {
      ...{ kubeconfig: adminKubeconfig, namespace: NAMESPACE, node: NODE.name, address: NODE.address },
      certificate: join(files, "pki", `${NODE.name}-server.crt`),
      key: join(files, "pki", `${NODE.name}-server.key`),
    },
    settings: {
      WINDLASS_KUBERNETES_RUNNING_MAX: String(Math.max(1_000, Number(told.parked) + 1)),
      WINDLASS_KUBERNETES_REQUESTS_PER_SECOND: told.requests,
      WINDLASS_WATCHER_REQUESTS_PER_SECOND: told.requests,
    },
    jobs: Number(told.jobs),
    parked: Number(told.parked),
    parkedSeconds: Number(told["parked-seconds"]),
  };
}

/** No administrator's: the API server limits what those ask by nothing. */
function kubeconfigOf(ca: string, token: string): object {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "bench", cluster: { server: SERVER, "certificate-authority-data": ca } }],
    users: [{ name: ACCOUNT, user: { token } }],
    contexts: [{ name: "bench", context: { cluster: "bench", user: ACCOUNT } }],
    "current-context": "bench",
  };
}

async function inside({ pid }: LabAddress, order: MeasureOrder): Promise<void> {
  const program = fileURLToPath(new URL("cluster/measure.ts", import.meta.url));
  const child = spawn("nsenter", [`--net=/proc/${pid}/ns/net`, process.execPath, program, JSON.stringify(order)], { stdio: "inherit" });
  const late = setTimeout(() => child.kill("SIGTERM"), SECONDS_MAX * 1_000);
  const [code] = (await once(child, "exit")) as [number | null];
  clearTimeout(late);
  if (code !== 0) process.exitCode = 1;
}
