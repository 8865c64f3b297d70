/**
 * A real container engine for tests: podman's service with images, containers and settings of its own in a temporary folder,
 * and one small image made of busybox, without a registry. It runs as root only, for that is what needs no further set-up.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as rest } from "node:timers/promises";
import { promisify } from "node:util";
import { INIT, makeBusyboxRoot } from "./busybox-root.ts";

export interface PodmanPrograms {
  readonly podman: string;
  readonly busybox: string;
}

export interface PodmanServer {
  /** unix://… */
  readonly host: string;
  /** An image with busybox and `/init SCRIPT`, which runs a script of `sh` as its child and hands signals on. */
  readonly image: string;
  /** Runs podman on the same containers. */
  podman(...args: readonly string[]): Promise<string>;
  /** Ends the service, not its containers, and starts it again on the same socket after `meanwhile`. */
  restart(meanwhile?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

const run = promisify(execFile);
const IMAGE = "localhost/windlass-test:1";
const BOOT_MS_MAX = 20_000;
const LOOK_MS = 20;
/** For a machine without systemd, and where limits cannot be raised. */
const SETTINGS = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`;
/** Why there is no engine for tests here, or its programs. */
export function findPodman(environment: Readonly<Record<string, string | undefined>>): PodmanPrograms | string {
  if (process.getuid?.() !== 0) return "podman is tested as root only";
  const folders = (environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const find = (program: string): string | undefined => folders.map((folder) => join(folder, program)).find(isProgram);
  const [podman, busybox, runc] = ["podman", "busybox", "runc"].map(find);
  if (podman === undefined || busybox === undefined || runc === undefined)
    return "podman is not installed: podman, runc and busybox (static) must be in PATH";
  return { podman, busybox };
}

export async function startPodman({ podman, busybox }: PodmanPrograms): Promise<PodmanServer> {
  const folder = mkdtempSync(join(tmpdir(), "windlass-podman-"));
  const settings = join(folder, "containers.conf");
  writeFileSync(settings, SETTINGS);
  const socket = join(folder, "podman.sock");
  const options = { env: { PATH: process.env["PATH"], HOME: folder, CONTAINERS_CONF: settings }, maxBuffer: 64 * 1_048_576 };
  const own = ["--root", join(folder, "root"), "--runroot", join(folder, "run")];
  const call = async (...args: readonly string[]): Promise<string> => (await run(podman, [...own, ...args], options)).stdout;
  await importImage(folder, busybox, call);
  const boot = async (): Promise<ChildProcess> => {
    const service = spawn(podman, [...own, "system", "service", "--time=0", `unix://${socket}`], { ...options, stdio: "ignore" });
    for (let waited = 0; !existsSync(socket); waited += LOOK_MS) {
      if (waited > BOOT_MS_MAX || service.exitCode !== null) throw new Error("podman's service did not start");
      await rest(LOOK_MS);
    }
    return service;
  };
  let service = await boot();
  return {
    host: `unix://${socket}`,
    image: IMAGE,
    podman: call,
    async restart(meanwhile = async () => {}) {
      await end(service, "SIGKILL");
      await rm(socket, { force: true });
      await meanwhile();
      service = await boot();
    },
    async stop() {
      await call("rm", "--all", "--force", "--time", "0");
      await end(service, "SIGTERM");
      // The storage mounts itself, so that its mounts are its own.
      await run("umount", ["--lazy", join(folder, "root", "overlay")]).catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function importImage(folder: string, busybox: string, podman: (...args: readonly string[]) => Promise<string>): Promise<void> {
  const root = join(folder, "image");
  await makeBusyboxRoot(root, busybox);
  writeFileSync(join(root, "init"), INIT, { mode: 0o755 });
  const archive = join(folder, "image.tar");
  await run("tar", ["-C", root, "-cf", archive, "."]);
  await podman("import", "--quiet", "--change", "ENV=PATH=/bin", archive, IMAGE);
}

async function end(service: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (service.exitCode !== null || service.signalCode !== null) return;
  service.kill(signal);
  await once(service, "exit");
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
