/**
 * A real Kubernetes for tests, in a network namespace of its own that vanishes with it: API server, controllers, scheduler,
 * several nodes with containerd. Tests run outside, where their other servers are, and reach the API server on 127.0.0.1.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeLabImages } from "./lab-image.ts";
import { DOOR, FILES, type LabOrder } from "./lab-keeper.ts";
import { buildLab, type LabPrograms } from "./lab-programs.ts";

export { BUSYBOX_IMAGE, makeImage } from "./lab-image.ts";
export { findLab } from "./lab-programs.ts";

/** What a test file needs to know of a cluster that was started for all of them. Plain data. */
export interface LabAddress {
  readonly lab: string;
  readonly folder: string;
  readonly kubeconfig: string;
  /** Of the process inside the namespace. */
  readonly pid: number;
}

/** What the set-up of the tests hands to each of them. */
export interface ProvidedCluster {
  readonly kubeconfig: string;
  /** Null for a cluster that is not ours. */
  readonly address: LabAddress | null;
}

export interface Lab {
  readonly address: LabAddress;
  stop(): Promise<void>;
}

const run = promisify(execFile);
/** Nodes enough to lose one and have another left that was not touched. */
const NODES = 3;

export interface LabSize {
  readonly nodes?: number;
  /** Silence after which a node is NotReady. The 50 s of Kubernetes are long for tests: 10 when left out. */
  readonly nodeGraceSeconds?: number;
  /** How long pods stay on one that is. The 300 s of Kubernetes are longer still: 5 when left out. */
  readonly evictionSeconds?: number;
}

export async function startLab(
  { lab: built, busybox }: LabPrograms,
  { nodes = NODES, nodeGraceSeconds = 10, evictionSeconds = 5 }: LabSize = {},
): Promise<Lab> {
  const lab = built ?? (await buildLab());
  const folder = mkdtempSync(join(tmpdir(), "windlass-lab-"));
  const images = await makeLabImages(join(folder, "images"), busybox);
  // The name of the interface is also that of the control group, of which this machine has one for all namespaces.
  const order: LabOrder = { lab, folder, bridge: `wlab${process.pid}`, nodes, nodeGraceSeconds, evictionSeconds, images };
  const keeper = spawn("unshare", ["--net", process.execPath, join(import.meta.dirname, "lab-keeper.ts"), JSON.stringify(order)], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  const ended = once(keeper, "exit");
  let said = "";
  keeper.stderr.on("data", (part: Buffer) => (said = `${said}${part.toString()}`.slice(-4_000)));
  await Promise.race([
    once(keeper.stdout, "data"),
    ended.then(() => {
      throw new Error(`the test cluster did not start: ${said}`);
    }),
  ]);
  const server = net.createServer((outside) => {
    const inside = net.connect(join(folder, DOOR));
    outside.on("error", () => inside.destroy()).pipe(inside);
    inside.on("error", () => outside.destroy()).pipe(outside);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  const kubeconfig = join(folder, "kubeconfig");
  const inside = readFileSync(join(folder, FILES, "kubeconfig"), "utf8");
  // The server's certificate is good for this address, too.
  writeFileSync(kubeconfig, inside.replace(/server: \S+/u, `server: https://127.0.0.1:${port}`), { mode: 0o600 });
  return {
    address: { lab, folder, kubeconfig, pid: keeper.pid ?? 0 },
    async stop() {
      server.close();
      keeper.stdin.end();
      await ended;
    },
  };
}

/** Runs the cluster's own program in its namespace: `stop-node node-2`, `start-node node-2`, `load IMAGE.tar`, `kubectl …`. */
export async function runLab({ lab, folder, pid }: LabAddress, ...args: readonly string[]): Promise<string> {
  const own =
    args[0] === "kubectl"
      ? ["kubectl", "--kubeconfig", join(folder, FILES, "kubeconfig"), ...args.slice(1)]
      : ["--dir", join(folder, FILES), ...args];
  const { stdout } = await run("nsenter", [`--net=/proc/${pid}/ns/net`, lab, ...own], { maxBuffer: 64 * 1_048_576 });
  return stdout;
}
