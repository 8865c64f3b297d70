/**
 * The Job that is made for an attempt, and its Secret. Pure: the same request makes the same Job.
 *
 * B1. It is made suspended: nothing of it runs before its Secret is there and its UID is recorded.
 * B2. No secret's value is in it; variables name the Secret, which belongs to the Job and goes with it.
 * B3. Our labels win over those of a step and of a patch, for Jobs are found by them; and no step sets an annotation of ours, which
 *     say how far a Job is.
 */
import { MAIN_CONTAINER, type ContainerSpec, type ContainerVolume, type Fault, type Json, type JsonObject } from "@windlass/kernel";
import type { LaunchRequest } from "@windlass/ports";
import { ANNOTATIONS, attemptMark, LABELS, labelSafe, MANAGED_BY, OUR_PREFIX } from "./labels.ts";
import { OUTPUT_PATH } from "./output-file.ts";
import { patched } from "./pod-patch.ts";

export interface JobRules {
  readonly place: string;
  readonly namespace: string;
  /** Further ones that a step may ask for. */
  readonly namespaces: readonly string[];
  /** Of pods whose step names none; empty: the namespace's own. */
  readonly serviceAccount: string;
  readonly ttlSeconds: number;
}

const KUEUE_LABEL = "kueue.x-k8s.io/queue-name";
const PULL_POLICIES = { always: "Always", missing: "IfNotPresent", never: "Never" } as const;
const MILLI = 1_000;

/** What this cluster cannot give, or does not allow. */
export function faultsOnCluster({ volumes = [], kubernetes = {} }: ContainerSpec, rules: JobRules): readonly Fault[] {
  const { namespace } = kubernetes;
  const allowed = [rules.namespace, ...rules.namespaces];
  const faults: Fault[] = volumes.flatMap((volume, index) =>
    volume.volume === undefined
      ? []
      : [
          {
            path: `volumes[${index}].volume`,
            message: "only a container engine has such volumes; a cluster has claim, emptyDir, configMap and secret",
          },
        ],
  );
  if (namespace !== undefined && !allowed.includes(namespace))
    faults.push({
      path: "kubernetes.namespace",
      message: `${namespace} is not allowed; allowed are ${allowed.join(", ")} (setting kubernetes.namespaces)`,
    });
  for (const field of ["labels", "annotations"] as const)
    for (const key of Object.keys(kubernetes[field] ?? {}))
      if (key.startsWith(OUR_PREFIX))
        faults.push({
          path: `kubernetes.${field}[${JSON.stringify(key)}]`,
          message: `names that begin with ${OUR_PREFIX} are our own; take another`,
        });
  return faults;
}

export function namespaceOf({ kubernetes }: ContainerSpec, { namespace }: JobRules): string {
  return kubernetes?.namespace ?? namespace;
}

export function jobBody(request: LaunchRequest, spec: ContainerSpec, rules: JobRules): JsonObject {
  const { kubernetes = {} } = spec;
  const labels = { ...kubernetes.labels, ...ourLabels(request, rules) };
  const annotations = { ...kubernetes.annotations, ...ourAnnotations(request, spec) };
  const template = patched({ metadata: { labels, annotations }, spec: podSpec(request, spec, rules) }, kubernetes.pod ?? {});
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: request.name,
      namespace: namespaceOf(spec, rules),
      labels: { ...labels, ...(kubernetes.kueueQueue === undefined ? {} : { [KUEUE_LABEL]: kubernetes.kueueQueue }) },
      annotations,
    },
    spec: {
      suspend: true,
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      // Two pods of one attempt never run at once.
      podReplacementPolicy: "Failed",
      ttlSecondsAfterFinished: kubernetes.ttlSeconds ?? rules.ttlSeconds,
      ...(request.timeoutMs === null ? {} : { activeDeadlineSeconds: seconds(request.timeoutMs) }),
      // See B3.
      template: patched(template, { metadata: { labels: ourLabels(request, rules), annotations: ourAnnotations(request, spec) } }),
    },
  };
}

/** Made once the Job is there, so that it belongs to it. */
export function secretBody(
  { name, jobId, attempt, secretEnvironment = {} }: LaunchRequest,
  job: { readonly uid: string; readonly namespace: string },
): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name,
      namespace: job.namespace,
      labels: { [LABELS.managedBy]: MANAGED_BY, [LABELS.job]: jobId, [LABELS.attempt]: String(attempt) },
      ownerReferences: [{ apiVersion: "batch/v1", kind: "Job", name, uid: job.uid }],
    },
    type: "Opaque",
    immutable: true,
    stringData: { ...secretEnvironment },
  };
}

/** A limit of time or grace in whole seconds: a shorter one than a second is one. */
export function seconds(milliseconds: number): number {
  return Math.max(1, Math.ceil(milliseconds / 1_000));
}

function ourLabels({ jobId, attempt, about }: LaunchRequest, { place }: JobRules): Readonly<Record<string, string>> {
  return {
    [LABELS.managedBy]: MANAGED_BY,
    [LABELS.place]: labelSafe(place),
    [LABELS.job]: jobId,
    [LABELS.attempt]: String(attempt),
    [LABELS.kind]: labelSafe(about?.kind ?? "task"),
    [LABELS.execution]: about?.executionId ?? jobId,
    ...(about === undefined ? {} : { [LABELS.step]: labelSafe(about.name) }),
  };
}

function ourAnnotations({ jobId, attempt, about }: LaunchRequest, { output }: ContainerSpec): Readonly<Record<string, string>> {
  return {
    [ANNOTATIONS.attempt]: attemptMark(jobId, attempt),
    ...(about === undefined ? {} : { [ANNOTATIONS.step]: about.name }),
    ...(output === "json" ? { [ANNOTATIONS.output]: "true" } : {}),
  };
}

function podSpec(request: LaunchRequest, spec: ContainerSpec, rules: JobRules): JsonObject {
  const { kubernetes: k = {}, volumes = [] } = spec;
  const account = k.serviceAccount ?? rules.serviceAccount;
  const before = [
    ...(k.initContainers ?? []),
    ...(k.sidecars ?? []).map((sidecar): JsonObject => ({ ...sidecar, restartPolicy: "Always" })),
  ];
  return defined({
    restartPolicy: "Never",
    terminationGracePeriodSeconds: seconds(request.graceMs),
    automountServiceAccountToken: k.serviceAccountToken ?? false,
    enableServiceLinks: false,
    serviceAccountName: account === "" ? undefined : account,
    priorityClassName: k.priorityClass,
    nodeSelector: k.nodeSelector,
    tolerations: k.tolerations,
    affinity: k.affinity,
    imagePullSecrets: k.imagePullSecrets?.map((name) => ({ name })),
    initContainers: before.length === 0 ? undefined : before,
    containers: [container(request, spec)],
    volumes: volumes.length === 0 ? undefined : volumes.map(volumeOf),
  });
}

function container(request: LaunchRequest, spec: ContainerSpec): JsonObject {
  const { volumes = [], pullPolicy, kubernetes: k = {} } = spec;
  return defined({
    name: MAIN_CONTAINER,
    image: spec.image,
    command: spec.command?.map(literal),
    args: spec.args?.map(literal),
    workingDir: spec.workingDir,
    imagePullPolicy: pullPolicy === undefined ? undefined : PULL_POLICIES[pullPolicy],
    env: variables(request, spec),
    envFrom: k.envFrom,
    resources: defined({
      requests: amounts(spec.cpuRequest, spec.memoryRequestBytes),
      limits: amounts(spec.cpuLimit, spec.memoryLimitBytes),
    }),
    securityContext: k.securityContext,
    terminationMessagePath: OUTPUT_PATH,
    volumeMounts:
      volumes.length === 0
        ? undefined
        : volumes.map(({ mountPath, readOnly }, index) => defined({ name: volumeName(index), mountPath, readOnly })),
  });
}

/** See B2. */
function variables(
  { name: secret, secretEnvironment = {}, environment }: LaunchRequest,
  { env = {} }: ContainerSpec,
): readonly JsonObject[] {
  const given = Object.entries(env).map(([name, value]): JsonObject =>
    typeof value === "string" ? { name, value: literal(value) } : { name, ...value },
  );
  const secrets = Object.keys(secretEnvironment).map((name): JsonObject => ({
    name,
    valueFrom: { secretKeyRef: { name: secret, key: name } },
  }));
  const facts = Object.entries({ ...environment, WINDLASS_OUTPUT: OUTPUT_PATH }).map(([name, value]): JsonObject => ({
    name,
    value: literal(value),
  }));
  // Of two of one name the last one counts, and a cluster warns of both.
  return [...new Map([...given, ...secrets, ...facts].map((one) => [one["name"], one])).values()];
}

/** A cluster would put variables in the place of `$(NAME)`, and `$` in that of `$$`; no other executor does. */
function literal(value: string): string {
  return value.replaceAll("$", "$$$$");
}

function amounts(cores: number | undefined, bytes: number | undefined): JsonObject | undefined {
  const given = defined({
    cpu: cores === undefined ? undefined : `${Math.max(1, Math.round(cores * MILLI))}m`,
    memory: bytes === undefined ? undefined : String(bytes),
  });
  return Object.keys(given).length === 0 ? undefined : given;
}

function volumeOf({ hostPath, emptyDir, configMap, secret, claim }: ContainerVolume, index: number): JsonObject {
  return defined({
    name: volumeName(index),
    hostPath: hostPath === undefined ? undefined : { path: hostPath },
    emptyDir: emptyDir === undefined ? undefined : emptyDir.sizeBytes === undefined ? {} : { sizeLimit: String(emptyDir.sizeBytes) },
    configMap: configMap === undefined ? undefined : { name: configMap },
    secret: secret === undefined ? undefined : { secretName: secret },
    persistentVolumeClaim: claim === undefined ? undefined : { claimName: claim },
  });
}

function volumeName(index: number): string {
  return `volume-${index}`;
}

function defined(object: Readonly<Record<string, Json | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(object).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}
