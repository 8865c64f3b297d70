/**
 * A process inside the network namespace of a test cluster: starts the cluster there, lets connections from outside in through
 * a socket file, and ends all of it when its standard input ends. So nothing is left when the tests are killed.
 */
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import net from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

export interface LabOrder {
  /** The cluster's binary. */
  readonly lab: string;
  readonly folder: string;
  readonly bridge: string;
  readonly nodes: number;
  readonly nodeGraceSeconds: number;
  readonly evictionSeconds: number;
  readonly images: readonly string[];
}

/** Node 1, whose address is the API server's (test/cluster/lab). */
const API = { host: "10.97.0.1", port: 6443 };
export const DOOR = "api.sock";
export const FILES = "files";

const run = promisify(execFile);

async function keep({ lab, folder, bridge, images, ...size }: LabOrder): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    process.stdin.on("end", resolve).on("close", resolve).resume();
  });
  const files = join(folder, FILES);
  const door = net.createServer((inside) => {
    const outside = net.connect(API);
    inside.on("error", () => outside.destroy()).pipe(outside);
    outside.on("error", () => inside.destroy()).pipe(inside);
  });
  try {
    await run("busybox", ["ip", "link", "set", "lo", "up"]);
    await run(lab, ["--dir", files, "up", "--bridge", bridge, ...flagsOf(size), ...images]);
    await new Promise<void>((resolve) => void door.listen(join(folder, DOOR), resolve));
    process.stdout.write("ready\n");
    await ended;
  } finally {
    door.close();
    // A start that failed has taken itself down.
    await run(lab, ["--dir", files, "down"]).catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
    await rm(folder, { recursive: true, force: true });
  }
}

function flagsOf({ nodes, nodeGraceSeconds, evictionSeconds }: Omit<LabOrder, "lab" | "folder" | "bridge" | "images">): readonly string[] {
  return ["--nodes", String(nodes), "--node-grace", `${nodeGraceSeconds}s`, "--eviction-seconds", String(evictionSeconds)];
}

if (import.meta.main) {
  // It is ended by its standard input alone, whatever is sent to the group of the tests.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  await keep(JSON.parse(process.argv[2] ?? "") as LabOrder).then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
}
