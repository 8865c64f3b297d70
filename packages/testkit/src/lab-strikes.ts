/**
 * Strikes at the programs of a test cluster that its own commands do not know: an API server that is killed and begun again, a
 * kubelet that stands still. Each program is found by the cluster's folder in its arguments, so only those of this one are met.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { FILES } from "./lab-keeper.ts";
import { runLab, type LabAddress } from "./lab.ts";

interface Found {
  readonly pid: number;
  readonly arguments: readonly string[];
}

export interface KilledApiServer {
  /** Begins it again as it was, and resolves when it answers. */
  start(): Promise<void>;
}

const LOOK_MS = 50;

/** Killed: who had a connection to it learns that by its end. */
export async function killApiServer(address: LabAddress): Promise<KilledApiServer> {
  const { pid, arguments: command } = programOf(address, "kube-apiserver", FILES);
  const groups = groupsOf(pid);
  process.kill(pid, "SIGKILL");
  while (holdsFiles(pid)) await after(LOOK_MS);
  return {
    async start() {
      const log = join(address.folder, FILES, "log", "apiserver-again");
      const output = openSync(log, "a");
      const again = spawn("nsenter", [`--net=/proc/${address.pid}/ns/net`, ...command], {
        detached: true,
        stdio: ["ignore", output, output],
      });
      closeSync(output);
      await once(again, "spawn");
      again.unref();
      // In the groups by which the cluster is ended as a whole.
      for (const group of groups) writeFileSync(group, String(again.pid));
      while (!(await answers(address))) {
        if (again.exitCode !== null || again.signalCode !== null)
          throw new Error(`the API server ended again: ${readFileSync(log, "utf8").slice(-2_000)}`);
        await after(LOOK_MS);
      }
    },
  };
}

/** The node says nothing any more, and what runs there goes on; until the returned function is called. */
export function freezeKubelet(address: LabAddress, node: string): () => void {
  const { pid } = programOf(address, "kubelet", join(FILES, node));
  process.kill(pid, "SIGSTOP");
  return () => void process.kill(pid, "SIGCONT");
}

function programOf({ folder }: LabAddress, name: string, within: string): Found {
  const mark = `${join(folder, within)}/`;
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!(pid > 1)) continue;
    const args = argumentsOf(pid);
    if (args[1] === name && args.some((one) => one.includes(mark))) return { pid, arguments: args };
  }
  throw new Error(`no ${name} of the test cluster in ${folder} runs`);
}

/** Empty for one that has ended meanwhile, also when nobody has taken note of that. */
function argumentsOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  } catch {
    return [];
  }
}

/** Its arguments go before its sockets do: those are closed when it is a zombie without another thread, or gone. */
function holdsFiles(pid: number): boolean {
  try {
    const state = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /su, "")[0];
    return state !== "Z" || readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

/** Files by which a process is added to the control groups of this one, of each hierarchy that is mounted. */
function groupsOf(pid: number): readonly string[] {
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  return readFileSync(`/proc/${pid}/cgroup`, "utf8")
    .split("\n")
    .flatMap((line) => {
      const [, controllers = "", path = ""] = /^\d+:([^:]*):(\/.+)$/u.exec(line) ?? [];
      const wanted = controllers.split(",")[0] ?? "";
      const mount = mounts.map((one) => one.split(" ")).find(([, , type, options = ""]) => isOf({ type, options }, wanted));
      return path === "" || mount === undefined ? [] : [join(mount[1] ?? "", path, "cgroup.procs")];
    });
}

function isOf({ type, options }: { readonly type: string | undefined; readonly options: string }, controller: string): boolean {
  return controller === "" ? type === "cgroup2" : type === "cgroup" && options.split(",").includes(controller);
}

async function answers(address: LabAddress): Promise<boolean> {
  try {
    return (await runLab(address, "kubectl", "get", "--raw", "/readyz")).includes("ok");
  } catch {
    return false;
  }
}
