/** From what an attempt is to do to what the engine is asked to make. Pure. */
import type { ContainerSpec, ContainerVolume, Fault } from "@windlass/kernel";
import type { LaunchRequest } from "@windlass/ports";
import { LABELS } from "./container-engine.ts";
import type { TarEntry } from "./tar-file.ts";

export interface HostRules {
  readonly place: string;
  readonly isPodman: boolean;
  /** Paths below which containers may see folders of the host. */
  readonly hostPaths: readonly string[];
  /** Of one stream, as it is stored here. */
  readonly logBytesMax: number;
}

/** Where a container is to write its output. Laid into each before it starts, so that any user may write it in any image. */
export const OUTPUT_PATH = "/windlass/output";
export const OUTPUT_ENTRIES: readonly TarEntry[] = [
  { path: "windlass/", type: "folder", mode: 0o777 },
  { path: "windlass/output", type: "file", mode: 0o666 },
];

const NANOS = 1_000_000_000;
/** The store cuts a stream at `log.bytesMax`; what the engine keeps for us to read later need not be much more. */
const ENGINE_LOG_ROOM = 2.5;

/** What this host cannot give, or does not allow. */
export function faultsHere({ volumes = [], env = {} }: ContainerSpec, { hostPaths }: Pick<HostRules, "hostPaths">): readonly Fault[] {
  const sources = Object.entries(env).filter(([, value]) => typeof value !== "string");
  const ofCluster = sources.map(([name]) => ({ path: `env.${name}`, message: "only the executor kubernetes finds values in a cluster" }));
  const ofVolumes = volumes.flatMap((volume, index): Fault[] => {
    const path = `volumes[${index}]`;
    for (const source of ["configMap", "secret", "claim"] as const)
      if (volume[source] !== undefined)
        return [
          { path: `${path}.${source}`, message: "only the executor kubernetes has such volumes; docker has hostPath, volume and emptyDir" },
        ];
    const { hostPath } = volume;
    if (hostPath === undefined || isBelow(hostPath, hostPaths)) return [];
    const allowed = hostPaths.length === 0 ? "none are allowed" : `allowed are those below ${hostPaths.join(", ")}`;
    return [
      { path: `${path}.hostPath`, message: `containers may not see ${hostPath} of this host: ${allowed} (setting docker.hostPaths)` },
    ];
  });
  return [...ofCluster, ...ofVolumes];
}

export function createBody(request: LaunchRequest, spec: ContainerSpec, rules: HostRules): object {
  const { command, args, workingDir, memoryLimitBytes, cpuLimit, volumes = [] } = spec;
  const env = { ...spec.env, ...request.secretEnvironment, ...request.environment, WINDLASS_OUTPUT: OUTPUT_PATH };
  return {
    Image: spec.image,
    ...(command === undefined ? {} : { Entrypoint: command }),
    // As on Kubernetes: a command without arguments gets none of the image's.
    ...(args !== undefined ? { Cmd: args } : command !== undefined ? { Cmd: [] } : {}),
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ...(workingDir === undefined ? {} : { WorkingDir: workingDir }),
    Labels: {
      [LABELS.place]: rules.place,
      [LABELS.job]: request.jobId,
      [LABELS.attempt]: String(request.attempt),
      [LABELS.managedBy]: "windlass",
    },
    HostConfig: {
      // Kept until its end is stored here, and never started again by anybody else.
      AutoRemove: false,
      RestartPolicy: { Name: "no" },
      // Of those that give back every byte, also what is no text.
      LogConfig: rules.isPodman
        ? { Type: "k8s-file" }
        : {
            Type: "local",
            Config: { "max-size": String(Math.ceil(rules.logBytesMax * ENGINE_LOG_ROOM)), "max-file": "1", compress: "false" },
          },
      ...(memoryLimitBytes === undefined ? {} : { Memory: memoryLimitBytes, MemorySwap: memoryLimitBytes }),
      ...(cpuLimit === undefined ? {} : { NanoCpus: Math.round(cpuLimit * NANOS) }),
      ...mountsOf(volumes),
    },
  };
}

function mountsOf(volumes: readonly ContainerVolume[]): object {
  const binds: string[] = [];
  const tmpfs: Record<string, string> = {};
  for (const { mountPath, readOnly, hostPath, volume, emptyDir } of volumes) {
    if (emptyDir !== undefined) tmpfs[mountPath] = emptyDir.sizeBytes === undefined ? "rw" : `rw,size=${emptyDir.sizeBytes}`;
    else binds.push(`${hostPath ?? volume ?? ""}:${mountPath}:${readOnly === true ? "ro" : "rw"}`);
  }
  return { ...(binds.length === 0 ? {} : { Binds: binds }), ...(Object.keys(tmpfs).length === 0 ? {} : { Tmpfs: tmpfs }) };
}

/** Without `..`, which would lead out again. */
function isBelow(path: string, folders: readonly string[]): boolean {
  if (path.split("/").includes("..")) return false;
  return folders.some((folder) => path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`));
}
