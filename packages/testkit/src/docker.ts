/**
 * Docker's service (`dockerd`, which starts its own containerd) with images, containers and settings of its own in a temporary
 * folder, and the same small image as podman's. Without a network, so that nothing of the machine's is changed; as root only.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as rest } from "node:timers/promises";
import { promisify } from "node:util";
import { makeBusyboxTar } from "./busybox-root.ts";
import { BOOT_MS_MAX, findPrograms, LOOK_MS, type ContainerServer, type ContainerServerOptions } from "./container-server.ts";
import { endService } from "./end-service.ts";

export interface DockerPrograms {
  readonly docker: string;
  readonly dockerd: string;
  readonly busybox: string;
}

const run = promisify(execFile);
const IMAGE = "localhost/windlass-test:1";

/** Why there is no Docker for tests here, or its programs. */
export function findDocker(environment: Readonly<Record<string, string | undefined>>): DockerPrograms | string {
  if (process.getuid?.() !== 0) return "Docker is tested as root only";
  const found = findPrograms(["docker", "dockerd", "containerd", "busybox", "runc"], environment);
  return found ?? "Docker is not installed: docker, dockerd, containerd, runc and busybox (static) must be in PATH";
}

export async function startDocker(
  { docker, dockerd, busybox }: DockerPrograms,
  { insecureRegistries = [] }: ContainerServerOptions = {},
): Promise<ContainerServer> {
  const folder = mkdtempSync(join(tmpdir(), "windlass-docker-"));
  const settings = join(folder, "daemon.json");
  writeFileSync(settings, "{}");
  const host = `unix://${join(folder, "docker.sock")}`;
  const options = { env: { PATH: process.env["PATH"], HOME: folder, DOCKER_HOST: host }, maxBuffer: 64 * 1_048_576 };
  const call = async (...args: readonly string[]): Promise<string> => (await run(docker, [...args], options)).stdout;
  const own = [
    ...["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec"), "--pidfile", join(folder, "pid"), "--host", host],
    ...["--config-file", settings, "--bridge=none", "--iptables=false", "--ip6tables=false"],
    // Containers outlive their service, as podman's do.
    ...["--live-restore", "--exec-opt", "native.cgroupdriver=cgroupfs", "--log-level", "warn"],
    ...insecureRegistries.flatMap((registry) => ["--insecure-registry", registry]),
  ];
  const boot = async (): Promise<ChildProcess> => {
    await rm(join(folder, "pid"), { force: true });
    const service = spawn(dockerd, own, { ...options, stdio: "ignore" });
    for (let waited = 0; !(await call("version").then(isTrue, isFalse)); waited += LOOK_MS) {
      if (waited > BOOT_MS_MAX || service.exitCode !== null) throw new Error("Docker's service did not start");
      await rest(LOOK_MS);
    }
    return service;
  };
  let service = await boot();
  await call("import", "--change", "ENV PATH=/bin", await makeBusyboxTar(folder, busybox), IMAGE);
  return {
    name: "docker",
    host,
    image: IMAGE,
    command: call,
    async restart(meanwhile = async () => {}) {
      // As podman's: its own containerd goes by itself when the service is asked to end.
      await endService(service, "SIGTERM");
      await meanwhile();
      service = await boot();
    },
    async stop() {
      const ids = (await call("ps", "--all", "--quiet")).split("\n").filter((id) => id !== "");
      if (ids.length > 0) await call("rm", "--force", "--volumes", ...ids);
      await endService(service, "SIGTERM");
      // Its folder is mounted on itself so that its mounts are its own, and stays so.
      for (const mount of mountsBelow(folder)) await run("umount", ["--lazy", mount]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Inner ones first. */
function mountsBelow(folder: string): readonly string[] {
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  return mounts
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${folder}/`))
    .toReversed();
}

const isTrue = (): boolean => true;
const isFalse = (): boolean => false;
