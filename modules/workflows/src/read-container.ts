/** Reads the tool `container`: keys that every executor of containers heeds, and those that mean something to a cluster alone. */
import { faultsOfKubernetesSpec, parseBytes, parseCores, type Json, type JsonObject } from "@windlass/kernel";
import { present, type Fields } from "./fields.ts";
import { shown, sortOf } from "./finding.ts";
import { readEnv } from "./read-shell.ts";
import { isTemplate } from "./template.ts";
import type { Amounts, ContainerTool, ContainerVolumeSpec } from "./workflow.ts";

/** Heeded by the executor `kubernetes` alone; taken and checked everywhere, so that a file may move. By the sort of its value. */
export const KUBERNETES_KEYS = {
  text: ["serviceAccount", "namespace", "priorityClass", "kueueQueue"],
  texts: ["imagePullSecrets"],
  textObject: ["nodeSelector", "labels", "annotations"],
  object: ["affinity", "securityContext", "pod"],
  list: ["tolerations", "envFrom", "initContainers", "sidecars"],
  boolean: ["serviceAccountToken", "exclusive"],
  number: ["ttlSeconds"],
} as const;
const KUBERNETES_ALL: readonly string[] = Object.values(KUBERNETES_KEYS).flat();

export const CONTAINER_KEYS = {
  known: [
    ...["kind", "image", "command", "args", "env", "resources", "workingDir", "volumes", "imagePullPolicy", "output", "timeoutSeconds"],
    ...KUBERNETES_ALL,
  ],
};
export const CONTAINER_RESOURCES_KEYS = { known: ["requests", "limits"] };
export const AMOUNTS_KEYS = { known: ["cpu", "memory"] };
export const IMAGE_PULL_POLICIES = ["IfNotPresent", "Always", "Never"] as const;
export const VOLUME_KEYS = { known: ["mountPath", "readOnly", "hostPath", "volume", "emptyDir", "configMap", "secret", "claim"] };
export const EMPTY_DIR_KEYS = { known: ["sizeLimit"] };
/** A year. */
const TTL_SECONDS_MAX = 31_536_000;
const SOURCES = ["hostPath", "volume", "emptyDir", "configMap", "secret", "claim"] as const;

export function readContainer(fields: Fields): ContainerTool {
  const image = fields.text("image");
  if (!fields.has("image")) fields.missing("image", "the image of the container, for example docker.io/library/alpine:3");
  else if (image?.trim() === "") fields.fault("image", "it is empty");
  const command = fields.texts("command");
  if (command?.length === 0) fields.fault("command", "an empty list names no program");
  const workingDir = fields.text("workingDir");
  if (workingDir !== undefined && !isAbsolute(workingDir))
    fields.fault("workingDir", `expected an absolute path, found ${shown(workingDir)}`);
  return present({
    kind: "container",
    image: image ?? "",
    command,
    args: fields.texts("args"),
    env: readEnv(fields, true),
    workingDir,
    imagePullPolicy: fields.oneOf("imagePullPolicy", IMAGE_PULL_POLICIES),
    output: fields.oneOf("output", ["json"]),
    resources: readAllResources(fields),
    volumes: readVolumes(fields),
    ...readKubernetes(fields),
  } as const);
}

/** What was read is a key of its own in the tool, so that it is read again as it was written. */
function readKubernetes(fields: Fields): JsonObject {
  const read: Record<string, Json | undefined> = {};
  for (const key of KUBERNETES_KEYS.text) read[key] = fields.text(key);
  for (const key of KUBERNETES_KEYS.texts) read[key] = fields.texts(key);
  for (const key of KUBERNETES_KEYS.object) read[key] = fields.object(key);
  for (const key of KUBERNETES_KEYS.list) read[key] = fields.list(key);
  for (const key of KUBERNETES_KEYS.boolean) read[key] = fields.boolean(key);
  for (const key of KUBERNETES_KEYS.number) read[key] = fields.number(key, { min: 0, max: TTL_SECONDS_MAX, whole: true });
  for (const key of KUBERNETES_KEYS.textObject) {
    read[key] = fields.object(key);
    for (const [name, value] of Object.entries(fields.object(key) ?? {}))
      if (typeof value !== "string")
        fields.note([fields.pathOf(key).at(-1) ?? key, name], `expected text, found ${sortOf(value)}; put it in quotes`);
  }
  const kubernetes = Object.fromEntries(Object.entries(read).filter((entry): entry is [string, Json] => entry[1] !== undefined));
  for (const { path, message } of faultsOfKubernetesSpec(kubernetes)) {
    const [, key = "", ...inner] = path.split(/[.[]/u);
    // What a template gives is judged once it is there; objects of texts were read above.
    if (isFixed(kubernetes[key]) && !(KUBERNETES_KEYS.textObject as readonly string[]).includes(key))
      fields.fault(key, inner.length === 0 ? message : `${path.slice("kubernetes.".length)}: ${message}`);
  }
  return kubernetes;
}

function isFixed(value: Json | undefined): boolean {
  return value !== undefined && !isTemplate(JSON.stringify(value));
}

function readAllResources(fields: Fields): ContainerTool["resources"] {
  const resources = fields.inner("resources", CONTAINER_RESOURCES_KEYS);
  if (resources === undefined) return undefined;
  return present({ requests: readAmounts(resources, "requests"), limits: readAmounts(resources, "limits") });
}

/** Numbers and numeric texts are both fine. */
function readAmounts(resources: Fields, key: "requests" | "limits"): Amounts | undefined {
  const amounts = resources.inner(key, AMOUNTS_KEYS);
  if (amounts === undefined) return undefined;
  const read = (name: "cpu" | "memory", isGood: (value: string | number) => boolean, example: string): string | number | undefined => {
    const value = amounts.raw(name);
    if (value === undefined) return undefined;
    if ((typeof value === "number" || typeof value === "string") && (isTemplate(String(value)) || isGood(value))) return value;
    amounts.fault(name, `expected an amount of ${name} such as ${example}, found ${shown(value)}`);
    return undefined;
  };
  return present({
    cpu: read("cpu", (value) => parseCores(value) !== undefined, "500m or 2"),
    memory: read("memory", (value) => parseBytes(value) !== undefined, "64Mi or 1G"),
  });
}

function readVolumes(fields: Fields): readonly ContainerVolumeSpec[] | undefined {
  const list = fields.list("volumes");
  return list?.map((_, index) => {
    const volume = fields.item("volumes", index, VOLUME_KEYS);
    const mountPath = volume.text("mountPath");
    if (!volume.has("mountPath")) volume.missing("mountPath", "where the container sees it");
    else if (mountPath !== undefined && !isAbsolute(mountPath))
      volume.fault("mountPath", `expected an absolute path, found ${shown(mountPath)}`);
    const given = SOURCES.filter((source) => volume.has(source));
    if (given.length !== 1)
      volume.note(
        [],
        `a volume comes from exactly one of ${SOURCES.map((source) => source.replace(/[A-Z]/u, (letter) => `_${letter.toLowerCase()}`)).join(", ")}; ${given.length === 0 ? "none is given" : `found ${given.length}`}`,
      );
    return present({
      mountPath: mountPath ?? "",
      readOnly: volume.boolean("readOnly"),
      hostPath: volume.text("hostPath"),
      volume: volume.text("volume"),
      emptyDir: readEmptyDir(volume),
      configMap: volume.text("configMap"),
      secret: volume.text("secret"),
      claim: volume.text("claim"),
    });
  });
}

function readEmptyDir(volume: Fields): ContainerVolumeSpec["emptyDir"] {
  const empty = volume.inner("emptyDir", EMPTY_DIR_KEYS);
  const size = empty?.raw("sizeLimit");
  if (empty === undefined || size === undefined) return empty === undefined ? undefined : {};
  if (
    (typeof size === "string" && isTemplate(size)) ||
    ((typeof size === "string" || typeof size === "number") && parseBytes(size) !== undefined)
  )
    return { sizeLimit: size };
  empty.fault("sizeLimit", `expected an amount of memory such as 64Mi, found ${shown(size)}`);
  return {};
}

function isAbsolute(path: string): boolean {
  return isTemplate(path) || path.startsWith("/");
}
