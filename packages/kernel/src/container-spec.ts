/**
 * What an attempt in a container is to do, in words that every executor of containers takes. Which of them heeds what:
 * everything but `kubernetes` is heeded by `docker`; requests of resources, and volumes that only a cluster has, are heeded
 * by `kubernetes` alone, and `docker` refuses those that the work could not do without. Pure.
 */
import type { Fault } from "./error.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { faultOfEnvSource, faultsOfKubernetesSpec, isEnvSource, type KubernetesSpec } from "./kubernetes-spec.ts";
import { didYouMean } from "./nearest.ts";
import { faultOfAlias } from "./secret-alias.ts";

export const PULL_POLICIES = ["always", "missing", "never"] as const;
export type PullPolicy = (typeof PULL_POLICIES)[number];

/** Where a volume comes from; exactly one is given. `configMap`, `secret` and `claim` are things of a cluster. */
export const VOLUME_SOURCES = ["hostPath", "volume", "emptyDir", "configMap", "secret", "claim"] as const;
export type VolumeSource = (typeof VOLUME_SOURCES)[number];

export interface ContainerVolume {
  /** Where the container sees it. Absolute. */
  readonly mountPath: string;
  readonly readOnly?: boolean;
  /** A path of the host that the engine runs on. */
  readonly hostPath?: string;
  /** A volume of the engine, made when it is not there. */
  readonly volume?: string;
  /** In memory, empty at first, gone with the attempt. */
  readonly emptyDir?: { readonly sizeBytes?: number };
  readonly configMap?: string;
  readonly secret?: string;
  readonly claim?: string;
}

export interface ContainerSpec {
  readonly image: string;
  /** Program and arguments in the place of the image's entrypoint. */
  readonly command?: readonly string[];
  /** In the place of the image's own arguments. */
  readonly args?: readonly string[];
  /** Texts, and what the cluster is to find (`{valueFrom: {secretKeyRef: …}}`). */
  readonly env?: Readonly<Record<string, string | JsonObject>>;
  /** Absolute; the image's own when left out. */
  readonly workingDir?: string;
  /** `missing` when left out: what is there already is used. */
  readonly pullPolicy?: PullPolicy;
  /** Of all its processes together. */
  readonly memoryLimitBytes?: number;
  /** In cores: 0.5 is half of one. */
  readonly cpuLimit?: number;
  readonly memoryRequestBytes?: number;
  readonly cpuRequest?: number;
  readonly volumes?: readonly ContainerVolume[];
  /** `json`: an output is promised, as the last line of stdout that is JSON or in the file WINDLASS_OUTPUT. */
  readonly output?: "json" | "none";
  /** What means something to a cluster alone. */
  readonly kubernetes?: KubernetesSpec;
}

const FIELDS = [
  "image",
  "command",
  "args",
  "env",
  "workingDir",
  "pullPolicy",
  "memoryLimitBytes",
  "cpuLimit",
  "memoryRequestBytes",
  "cpuRequest",
  "volumes",
  "output",
  "kubernetes",
];
/** Docker's own bound is about this; a longer one is no name. */
const IMAGE_LENGTH_MAX = 1_000;
const VOLUMES_MAX = 100;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/u;

/** All faults of a spec; none: it is a ContainerSpec. Whether the image's name is one is for the engine to say. */
export function faultsOfContainerSpec(spec: JsonObject): readonly Fault[] {
  const faults: Fault[] = [];
  const fault = (path: string, message: string): void => void faults.push({ path, message });
  const check = (field: string, isGood: (value: Json) => boolean, allowed: string): void => {
    const value = spec[field];
    if (value !== undefined && !isGood(value)) fault(field, `expected ${allowed}, found ${shown(value)}`);
  };
  for (const field of Object.keys(spec)) {
    if (!FIELDS.includes(field))
      fault(field, `unknown key ${JSON.stringify(field)}${didYouMean(field, FIELDS) || `; a container has ${FIELDS.join(", ")}`}`);
  }
  if (spec["image"] === undefined) fault("image", "give the image of the container, such as docker.io/library/alpine:3");
  check("image", (value) => isText(value) && value.trim() !== "" && value.length <= IMAGE_LENGTH_MAX, "the name of an image");
  check("command", (value) => isTexts(value) && value.length > 0 && value[0] !== "", "a list of texts that begins with a program");
  check("args", isTexts, "a list of texts");
  check("workingDir", isAbsolute, "an absolute path");
  check("pullPolicy", (value) => (PULL_POLICIES as readonly Json[]).includes(value), `one of ${PULL_POLICIES.join(", ")}`);
  for (const field of ["memoryLimitBytes", "memoryRequestBytes"]) check(field, isAmount, "a whole number of bytes above 0");
  for (const field of ["cpuLimit", "cpuRequest"]) check(field, isCores, "a number of cores above 0");
  check("output", (value) => value === "json" || value === "none", "json or none");
  check("kubernetes", isJsonObject, "an object");
  if (isJsonObject(spec["kubernetes"])) faults.push(...faultsOfKubernetesSpec(spec["kubernetes"]));
  checkEnvironment(spec["env"], fault);
  checkVolumes(spec["volumes"], fault);
  return faults;
}

function checkEnvironment(env: Json | undefined, fault: (path: string, message: string) => void): void {
  if (env === undefined) return;
  if (!isJsonObject(env)) return fault("env", "expected an object of variables");
  for (const [name, value] of Object.entries(env))
    if (!VARIABLE.test(name) || (!isText(value) && !isEnvSource(value) && faultOfAlias(value) !== null))
      fault(`env.${name}`, isJsonObject(value) ? (faultOfAlias(value) ?? "") : "expected a variable's name and a text");
    else if (isEnvSource(value) && faultOfEnvSource(value) !== null) fault(`env.${name}`, faultOfEnvSource(value) ?? "");
}

function checkVolumes(volumes: Json | undefined, fault: (path: string, message: string) => void): void {
  if (volumes === undefined) return;
  if (!isList(volumes)) return fault("volumes", "expected a list of volumes");
  if (volumes.length > VOLUMES_MAX) return fault("volumes", `${volumes.length} volumes; ${VOLUMES_MAX} are allowed`);
  const seen = new Set<Json>();
  for (const [index, volume] of volumes.entries()) {
    const path = `volumes[${index}]`;
    if (!isJsonObject(volume)) {
      fault(path, "expected an object with mountPath and a source");
      continue;
    }
    const { mountPath = null, readOnly, emptyDir } = volume;
    if (!isAbsolute(mountPath)) fault(`${path}.mountPath`, `expected an absolute path of the container, found ${shown(mountPath)}`);
    if (seen.has(mountPath)) fault(`${path}.mountPath`, `${shown(mountPath)} is mounted twice`);
    seen.add(mountPath);
    if (readOnly !== undefined && typeof readOnly !== "boolean") fault(`${path}.readOnly`, "expected true or false");
    const known = ["mountPath", "readOnly", ...VOLUME_SOURCES];
    for (const key of Object.keys(volume))
      if (!known.includes(key)) fault(`${path}.${key}`, `unknown key ${JSON.stringify(key)}${didYouMean(key, known)}`);
    const sources = VOLUME_SOURCES.filter((source) => volume[source] !== undefined);
    const [source] = sources;
    if (source === undefined || sources.length > 1) fault(path, `give exactly one of ${VOLUME_SOURCES.join(", ")}`);
    else if (source === "emptyDir") {
      const size = isJsonObject(emptyDir) ? emptyDir["sizeBytes"] : null;
      if (size !== undefined && !isAmount(size)) fault(`${path}.emptyDir`, "expected {} or {sizeBytes: a whole number above 0}");
    } else if (source === "hostPath" ? !isAbsolute(volume[source] ?? null) : !isText(volume[source]) || volume[source] === "")
      fault(`${path}.${source}`, source === "hostPath" ? "expected an absolute path" : "expected a name");
  }
}

/** No program can be given a NUL character. */
function isText(value: Json | undefined): value is string {
  return typeof value === "string" && !value.includes("\0");
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isTexts(value: Json): value is readonly string[] {
  return isList(value) && value.every(isText);
}

/** Without a colon, which separates paths where engines write mounts. */
function isAbsolute(value: Json): boolean {
  return isText(value) && value.startsWith("/") && !value.includes(":");
}

function isAmount(value: Json): boolean {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function isCores(value: Json): boolean {
  return typeof value === "number" && value > 0 && value <= 10_000;
}

function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
