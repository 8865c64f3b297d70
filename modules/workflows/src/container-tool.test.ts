/** The tool `container`: how it is read, and what becomes of it. */
import type { JsonObject } from "@windlass/kernel";
import { expect, test } from "vitest";
import { checkDefinition, parseWorkflow } from "./parse-workflow.ts";
import { toolChild } from "./tool-child.ts";
import { specOf, type Step, type Workflow } from "./workflow.ts";
import { workflowKind } from "./workflow-kind.ts";

const fileOf = (tool: string, more = ""): string =>
  `apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: w}\ninputs: {mem: {type: string, default: 64Mi}}\n${more}steps:\n  - name: a\n    tool: ${tool}\n`;

function workflowOf(tool: string, more?: string): Workflow {
  const read = parseWorkflow(fileOf(tool, more));
  if ("faults" in read) throw new Error(JSON.stringify(read.faults));
  return read.workflow;
}

function faultsOf(tool: string): string {
  const read = parseWorkflow(fileOf(tool));
  return "faults" in read ? read.faults.map(({ path, message }) => `${path}: ${message}`).join("\n") : "";
}

function childOf(workflow: Workflow): { readonly executor: string; readonly spec: JsonObject } {
  const [step] = workflow.steps;
  const { executor } = workflow;
  const evaluate = (text: string): { ok: true; value: string } => ({ ok: true, value: `<${text.trim()}>` });
  const use = { ...(executor === undefined ? {} : { executor }), ...(step as Step) };
  const { executor: by, spec } = toolChild({ step: use, key: "a", evaluate, site: { pins: {}, depth: 0 } });
  return { executor: by, spec };
}

const FULL = `{kind: container, image: "gcr.io/p/long:v1.2.3", command: ["./run.sh"], args: ["--input", "{{ inputs.mem }}"], env: [{name: MODE, value: batch}, {name: N, value: 3}],
      resources: {requests: {cpu: 500m, memory: 1Gi}, limits: {cpu: 2, memory: "4294967296"}}, timeout_seconds: 3600, working_dir: /work, image_pull_policy: Always, output: json,
      volumes: [{mount_path: /data, host_path: /srv/data, read_only: true}, {mount_path: /scratch, empty_dir: {size_limit: 1Gi}}],
      service_account: container-job, node_selector: {disk: ssd}, tolerations: [{key: gpu, operator: Exists}], namespace: jobs, pod: {spec: {hostNetwork: true}}}`;

test("a container is rendered into the words of containers, with what means something to a cluster beside it", () => {
  const workflow = workflowOf(FULL);
  expect(checkDefinition(specOf(workflow))).toEqual({ workflow });
  expect(workflow.steps[0]?.timeoutSeconds).toBe(3600);
  expect(childOf(workflow)).toEqual({
    executor: "docker",
    spec: {
      image: "gcr.io/p/long:v1.2.3",
      command: ["./run.sh"],
      args: ["--input", "<inputs.mem>"],
      env: { MODE: "batch", N: "3" },
      workingDir: "/work",
      pullPolicy: "always",
      output: "json",
      memoryLimitBytes: 4_294_967_296,
      cpuLimit: 2,
      memoryRequestBytes: 1_073_741_824,
      cpuRequest: 0.5,
      volumes: [
        { mountPath: "/data", hostPath: "/srv/data", readOnly: true },
        { mountPath: "/scratch", emptyDir: { sizeBytes: 1_073_741_824 } },
      ],
      kubernetes: {
        serviceAccount: "container-job",
        nodeSelector: { disk: "ssd" },
        tolerations: [{ key: "gpu", operator: "Exists" }],
        namespace: "jobs",
        pod: { spec: { hostNetwork: true } },
      },
    },
  });
});

test("the executor of a step comes before the one of its workflow; only when asked is the image left out", () => {
  const tool = '{kind: container, image: x, command: [sh, -c], args: ["echo 1"], working_dir: /tmp}';
  expect(childOf(workflowOf(tool, "executor: kubernetes\n")).executor).toBe("kubernetes");
  const own = workflowOf(`${tool}\n    executor: process`, "executor: kubernetes\n");
  expect(childOf(own)).toEqual({ executor: "process", spec: { command: ["sh", "-c", "echo 1"], cwd: "/tmp" } });
  expect(workflowKind.executors?.(specOf(own))).toEqual(["process"]);
  expect(workflowKind.executors?.(specOf(workflowOf(tool)))).toEqual(["docker"]);
});

test.each([
  ["{kind: container, image: x}", "executor: process\n", "command: the executor process runs the command without the image"],
  [
    "{kind: container, image: x, command: [ls], volumes: [{mount_path: /a, empty_dir: {}}]}",
    "executor: process\n",
    "volumes: the executor process",
  ],
  ['{kind: container, image: x, resources: {limits: {memory: "{{ inputs.mem }}"}}}', "", "resources.limits.memory: expected an amount"],
])("%s %s cannot be carried out", (tool, more, message) => {
  expect(childOf(workflowOf(tool, more)).spec).toMatchObject({ outcome: "failed_config", message: expect.stringContaining(message) });
});

test("a variable may come from where a cluster finds it, written either way", () => {
  const a = `{name: A, valueFrom: {secretKeyRef: {name: keys, key: "a-{{ 1 + 1 }}"}}}`;
  const b = "{name: B, value_from: {field_ref: {field_path: status.podIP}}}";
  const tool = `{kind: container, image: x, service_account_token: true, ttl_seconds: 60, env: [${a}, ${b}]}`;
  expect(childOf(workflowOf(tool, "executor: kubernetes\n")).spec).toMatchObject({
    env: {
      A: { valueFrom: { secretKeyRef: { name: "keys", key: "a-<1 + 1>" } } },
      B: { valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
    },
    kubernetes: { serviceAccountToken: true, ttlSeconds: 60 },
  });
});

test.each([
  ["{kind: container}", "image is missing"],
  ["{kind: container, image: ''}", "image: it is empty"],
  ["{kind: container, image: x, comand: [a]}", "did you mean command?"],
  ["{kind: container, image: x, command: []}", "names no program"],
  ["{kind: container, image: x, working_dir: tmp}", "expected an absolute path"],
  ["{kind: container, image: x, image_pull_policy: Sometimes}", "expected one of IfNotPresent, Always, Never"],
  ["{kind: container, image: x, resources: {limits: {memory: 4 GB}}}", "resources.limits.memory: expected an amount of memory"],
  ["{kind: container, image: x, resources: {requests: {cpu: lots}}}", "resources.requests.cpu: expected an amount of cpu"],
  ["{kind: container, image: x, resources: {limits: {gpu: 1}}}", "unknown key"],
  ["{kind: container, image: x, volumes: [{mount_path: /a}]}", "volumes[0]: a volume comes from exactly one of"],
  ["{kind: container, image: x, volumes: [{mount_path: a, volume: v}]}", "volumes[0].mount_path: expected an absolute path"],
  ["{kind: container, image: x, service_account: 3}", "service_account: expected text"],
  ["{kind: container, image: x, node_selector: {a: 1}}", "node_selector.a: expected text"],
  ["{kind: container, image: x, service_account: Not A Name}", "expected a name: lower-case letters"],
  ["{kind: container, image: x, sidecars: [{image: y}]}", "sidecars[0]: expected a container with a name"],
  ["{kind: container, image: x, pod: {containers: []}}", "pod.containers: a patch of the pod's template has metadata and spec"],
  ["{kind: container, image: x, env: {A: {value_from: {secret_key_ref: {name: a}}}}}", "valueFrom.secretKeyRef: expected {name, key}"],
  ["{kind: shell, script: x, env: {A: {value_from: {field_ref: {field_path: a}}}}}", "value_from: expected text"],
  ["{kind: noop}\n    executor: docker", "the tool noop has no choice of executors"],
])("%s is refused", (tool, message) => {
  expect(faultsOf(tool)).toContain(message);
});
