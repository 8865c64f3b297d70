/**
 * The part of a container's specification that only a cluster heeds. What has a place of its own in a pod is taken as it is
 * and is for the cluster to judge; its outer shape is checked here, all faults at once. Pure.
 */
import type { Fault } from "./error.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { didYouMean } from "./nearest.ts";

export interface KubernetesSpec {
  /** One of those that the setting `kubernetes.namespaces` allows. */
  readonly namespace?: string;
  readonly serviceAccount?: string;
  /** Its token is given to the containers; not when left out. */
  readonly serviceAccountToken?: boolean;
  readonly priorityClass?: string;
  /** Another attempt begins only once no pod of an earlier one may still run. */
  readonly exclusive?: boolean;
  /** Left suspended, for Kueue to begin. */
  readonly kueueQueue?: string;
  /** How long the Job is kept after its end. */
  readonly ttlSeconds?: number;
  readonly imagePullSecrets?: readonly string[];
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly JsonObject[];
  readonly affinity?: JsonObject;
  /** Of the container. */
  readonly securityContext?: JsonObject;
  readonly envFrom?: readonly JsonObject[];
  /** Containers as Kubernetes writes them, each with a name. */
  readonly initContainers?: readonly JsonObject[];
  readonly sidecars?: readonly JsonObject[];
  /** A patch of the pod's template: `metadata` and `spec`. */
  readonly pod?: JsonObject;
}

/** The name of the container that does the work. */
export const MAIN_CONTAINER = "main";

const SORTS: Readonly<Record<keyof KubernetesSpec, Sort>> = {
  namespace: "name",
  serviceAccount: "name",
  serviceAccountToken: "boolean",
  priorityClass: "name",
  exclusive: "boolean",
  kueueQueue: "name",
  ttlSeconds: "amount",
  imagePullSecrets: "names",
  nodeSelector: "texts by name",
  labels: "texts by name",
  annotations: "texts by name",
  tolerations: "objects",
  affinity: "object",
  securityContext: "object",
  envFrom: "objects",
  initContainers: "containers",
  sidecars: "containers",
  pod: "object",
};
type Sort = "name" | "names" | "boolean" | "amount" | "texts by name" | "object" | "objects" | "containers";

const FIELDS = Object.keys(SORTS);
const POD_FIELDS = ["metadata", "spec"];
/** Of everything in a cluster (RFC 1123). */
const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/u;
const NAME_LENGTH_MAX = 253;
/** Where an environment variable's value may come from in a cluster. */
const ENV_SOURCES = ["secretKeyRef", "configMapKeyRef", "fieldRef"];

/** All faults of `kubernetes` in a specification; none: it is a KubernetesSpec. */
export function faultsOfKubernetesSpec(spec: JsonObject): readonly Fault[] {
  const faults: Fault[] = [];
  const fault = (path: string, message: string): void => void faults.push({ path: `kubernetes.${path}`, message });
  for (const [field, value] of Object.entries(spec)) {
    const sort = Object.hasOwn(SORTS, field) ? SORTS[field as keyof KubernetesSpec] : undefined;
    if (sort === undefined)
      fault(field, `unknown key ${JSON.stringify(field)}${didYouMean(field, FIELDS) || `; there are ${FIELDS.join(", ")}`}`);
    else checkValue(value, { field, sort, fault });
  }
  const { pod } = spec;
  if (isJsonObject(pod))
    for (const field of Object.keys(pod))
      if (!POD_FIELDS.includes(field))
        fault(
          `pod.${field}`,
          `a patch of the pod's template has metadata and spec${didYouMean(field, POD_FIELDS) || `; ${field} may belong in spec`}`,
        );
  checkContainerNames(spec, fault);
  return faults;
}

/** What is wrong with a variable whose value the cluster is to find; null: nothing. */
export function faultOfEnvSource(value: Json | undefined): string | null {
  const from = isJsonObject(value) && Object.keys(value).length === 1 ? value["valueFrom"] : undefined;
  if (!isJsonObject(from)) return "expected {valueFrom: …}";
  const [source = "", ...more] = Object.keys(from);
  if (more.length > 0 || !ENV_SOURCES.includes(source)) return `valueFrom: expected exactly one of ${ENV_SOURCES.join(", ")}`;
  const { [source]: of } = from;
  const keys = source === "fieldRef" ? ["fieldPath"] : ["name", "key"];
  if (isJsonObject(of) && keys.every((key) => typeof of[key] === "string" && of[key] !== "")) return null;
  return `valueFrom.${source}: expected {${keys.join(", ")}}`;
}

/** Whether a variable's value is one that the cluster is to find. */
export function isEnvSource(value: Json | undefined): value is JsonObject {
  return isJsonObject(value) && isJsonObject(value["valueFrom"]);
}

interface Checked {
  readonly field: string;
  readonly sort: Sort;
  readonly fault: (path: string, message: string) => void;
}

function checkValue(value: Json, { field, sort, fault }: Checked): void {
  const expected = (what: string, path = field): void => fault(path, `expected ${what}`);
  switch (sort) {
    case "name":
      return isName(value) ? undefined : expected("a name: lower-case letters, digits, hyphens and dots");
    case "names":
      return isList(value) && value.every(isName) ? undefined : expected("a list of names");
    case "boolean":
      return typeof value === "boolean" ? undefined : expected("true or false");
    case "amount":
      return Number.isSafeInteger(value) && Number(value) >= 0 ? undefined : expected("a whole number");
    case "object":
      return isJsonObject(value) ? undefined : expected("an object");
    case "texts by name":
      if (!isJsonObject(value)) return expected("an object of texts");
      for (const [key, text] of Object.entries(value)) if (typeof text !== "string") expected("text; put it in quotes", `${field}.${key}`);
      return undefined;
    case "objects":
      return isList(value) && value.every(isJsonObject) ? undefined : expected("a list of objects");
    case "containers":
      if (!isList(value)) return expected("a list of containers");
      for (const [index, one] of value.entries())
        if (!isJsonObject(one) || !isName(one["name"] ?? null)) expected("a container with a name", `${field}[${index}]`);
      return undefined;
  }
}

function checkContainerNames(spec: JsonObject, fault: Checked["fault"]): void {
  const seen = new Set<Json>([MAIN_CONTAINER]);
  for (const field of ["initContainers", "sidecars"]) {
    const list = spec[field];
    if (list === undefined || !isList(list)) continue;
    for (const [index, one] of list.entries()) {
      const name = isJsonObject(one) ? (one["name"] ?? null) : null;
      if (name !== null && seen.has(name)) fault(`${field}[${index}].name`, `${JSON.stringify(name)} is the name of another container`);
      seen.add(name);
    }
  }
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isName(value: Json): value is string {
  return typeof value === "string" && value.length <= NAME_LENGTH_MAX && NAME.test(value);
}
