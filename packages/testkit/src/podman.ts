/**
 * podman's service with images, containers and settings of its own in a temporary folder, and one small image made of busybox,
 * without a registry. It runs as root only, for that is what needs no further set-up.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as rest } from "node:timers/promises";
import { promisify } from "node:util";
import { makeBusyboxTar } from "./busybox-root.ts";
import { BOOT_MS_MAX, findPrograms, LOOK_MS, type ContainerServer, type ContainerServerOptions } from "./container-server.ts";
import { endService } from "./end-service.ts";

export interface PodmanPrograms {
  readonly podman: string;
  readonly busybox: string;
}

const run = promisify(execFile);
const IMAGE = "localhost/windlass-test:1";
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
  const found = findPrograms(["podman", "busybox", "runc"], environment);
  return found ?? "podman is not installed: podman, runc and busybox (static) must be in PATH";
}

export async function startPodman(
  { podman, busybox }: PodmanPrograms,
  { insecureRegistries = [] }: ContainerServerOptions = {},
): Promise<ContainerServer> {
  const folder = mkdtempSync(join(tmpdir(), "windlass-podman-"));
  const [settings, registries] = [join(folder, "containers.conf"), join(folder, "registries.conf")];
  writeFileSync(settings, SETTINGS);
  writeFileSync(registries, insecureRegistries.map((host) => `[[registry]]\nlocation = "${host}"\ninsecure = true\n`).join(""));
  const socket = join(folder, "podman.sock");
  const own = { HOME: folder, CONTAINERS_CONF: settings, CONTAINERS_REGISTRIES_CONF: registries };
  // Of a container that ran out of memory a file is left where its engine was started.
  const options = { cwd: folder, env: { PATH: process.env["PATH"], ...own }, maxBuffer: 64 * 1_048_576 };
  const roots = ["--root", join(folder, "root"), "--runroot", join(folder, "run")];
  const call = async (...args: readonly string[]): Promise<string> => (await run(podman, [...roots, ...args], options)).stdout;
  await call("import", "--quiet", "--change", "ENV=PATH=/bin", await makeBusyboxTar(folder, busybox), IMAGE);
  const boot = async (): Promise<ChildProcess> => {
    const service = spawn(podman, [...roots, "system", "service", "--time=0", `unix://${socket}`], { ...options, stdio: "ignore" });
    for (let waited = 0; !existsSync(socket); waited += LOOK_MS) {
      if (waited > BOOT_MS_MAX || service.exitCode !== null) throw new Error("podman's service did not start");
      await rest(LOOK_MS);
    }
    return service;
  };
  let service = await boot();
  return {
    name: "podman",
    host: `unix://${socket}`,
    image: IMAGE,
    command: call,
    async restart(meanwhile = async () => {}) {
      await endService(service, "SIGKILL");
      await rm(socket, { force: true });
      await meanwhile();
      service = await boot();
    },
    async stop() {
      await call("rm", "--all", "--force", "--time", "0");
      await endService(service, "SIGTERM");
      // The storage mounts itself, so that its mounts are its own.
      await run("umount", ["--lazy", join(folder, "root", "overlay")]).catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
}
