/** The deaths that anybody may bring about in a namespace of a cluster, and what is to be told of each. Data. */
import type { JsonObject } from "@windlass/kernel";

export interface Death {
  readonly name: string;
  /** For a shell. */
  readonly script: string;
  readonly container?: JsonObject;
  readonly pod?: JsonObject;
  readonly spec?: JsonObject;
  /** What is done once it runs. */
  readonly act?: Act;
  /** Makes good what was done, once its end was told. */
  readonly mend?: (removeJob: () => Promise<void>) => Promise<void>;
  /** `outcome reason`; more than one where clusters differ. */
  readonly expected: readonly string[];
}

export type Act = "remove the pod" | "remove the Job" | "evict the pod" | (() => Promise<void>);

const SMALL = { resources: { limits: { memory: "32Mi" }, requests: { memory: "16Mi", cpu: "10m" } } };
const NEVER = "windlass-conformance-none:1";

/** `image`: one with a shell, that is there or can be pulled. */
export function deathsWith(image: string): readonly Death[] {
  return [...OWN_ENDS, ...NEVER_BEGUN, ...besides(image), ...TAKEN_AWAY];
}

const OWN_ENDS: readonly Death[] = [
  { name: "success", script: "exit 0", expected: ["succeeded ok"] },
  { name: "exit-3", script: "exit 3", expected: ["failed exit_code"] },
  { name: "signal", script: "sleep 300 & kill -TERM $!; wait $!; exit $?", expected: ["failed signal"] },
  { name: "oom", script: "tail /dev/zero", container: SMALL, expected: ["failed_oom memory_limit"] },
  { name: "oom-child", script: "sh -c 'tail /dev/zero'; exit $?", container: SMALL, expected: ["failed_oom memory_limit"] },
  // With cgroup v2 the whole container is killed; with v1 its parent lives on.
  {
    name: "oom-child-ignored",
    script: "sh -c 'tail /dev/zero'; exit 0",
    container: SMALL,
    expected: ["succeeded ok", "failed_oom memory_limit"],
  },
  { name: "deadline", script: "sleep 300", spec: { activeDeadlineSeconds: 5 }, expected: ["failed_timeout job_deadline"] },
];

const NEVER_BEGUN: readonly Death[] = [
  {
    name: "image-not-found",
    script: "",
    container: { image: NEVER },
    expected: ["failed_image_pull image_not_found", "failed_image_pull image_unauthorized", "failed_image_pull registry_unreachable"],
  },
  { name: "image-name-invalid", script: "", container: { image: "No::Name" }, expected: ["failed_image_pull image_name_invalid"] },
  {
    name: "image-never-pulled",
    script: "",
    container: { image: NEVER, imagePullPolicy: "Never" },
    expected: ["failed_image_pull image_not_present"],
  },
  { name: "bad-command", script: "", container: { command: ["/no/such/command"] }, expected: ["failed_config command_not_found"] },
  {
    name: "secret-missing",
    script: "",
    container: { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "windlass-conformance-none", key: "none" } } }] },
    expected: ["failed_config secret_missing"],
  },
  {
    name: "volume-missing",
    script: "",
    container: { volumeMounts: [{ name: "none", mountPath: "/none" }] },
    pod: { volumes: [{ name: "none", configMap: { name: "windlass-conformance-none" } }] },
    expected: ["failed_config volume_unavailable"],
  },
  {
    name: "unschedulable",
    script: "",
    pod: { nodeSelector: { "windlass.dev/none": "such" } },
    expected: ["failed_config unschedulable"],
  },
];

function besides(image: string): readonly Death[] {
  const beside = (name: string, script: string, more: JsonObject = {}): JsonObject => ({
    name,
    image,
    command: ["sh", "-c", script],
    ...more,
  });
  return [
    { name: "init-fails", script: "", pod: { initContainers: [beside("setup", "exit 4")] }, expected: ["failed exit_code"] },
    {
      name: "sidecar-fails",
      script: "sleep 4",
      pod: { containers: [beside("other", "exit 6"), beside("main", "sleep 4")] },
      expected: ["failed exit_code"],
    },
  ];
}

const TAKEN_AWAY: readonly Death[] = [
  { name: "pod-removed", script: "sleep 300", act: "remove the pod", expected: ["failed_node_lost pod_deleted"] },
  { name: "pod-evicted", script: "sleep 300", act: "evict the pod", expected: ["failed_node_lost node_lost"] },
  { name: "job-removed", script: "sleep 300", act: "remove the Job", expected: ["cancelled job_deleted_outside"] },
  {
    name: "own-storage",
    script: "dd if=/dev/zero of=/own/file bs=1M count=20 2>/dev/null; sleep 300",
    container: { volumeMounts: [{ name: "own", mountPath: "/own" }] },
    pod: { volumes: [{ name: "own", emptyDir: { sizeLimit: "1Mi" } }] },
    expected: ["failed ephemeral_storage"],
  },
];
