import type { ContainerSpec } from "@windlass/kernel";
import type { LaunchRequest } from "@windlass/ports";
import { expect, test } from "vitest";
import { faultsOnCluster, jobBody, secretBody, type JobRules } from "./job-body.ts";

const rules: JobRules = { place: "here", namespace: "windlass", namespaces: ["batch"], serviceAccount: "runner", ttlSeconds: 3_600 };
const request: LaunchRequest = {
  ...{
    name: "windlass-a-1",
    jobId: "job_1",
    attempt: 2,
    spec: {},
    environment: { WINDLASS_JOB: "job_1" },
    timeoutMs: 1_500,
    graceMs: 10_000,
  },
  secretEnvironment: { KEY: "s3cret" },
  about: { kind: "step", name: "Grüße", parentId: "job_loop", childKey: "Grüße[3]", workspace: "default", executionId: "job_0" },
};
interface Body {
  readonly metadata: unknown;
  readonly spec: {
    readonly ttlSecondsAfterFinished: number;
    readonly template: { readonly spec: { readonly containers: readonly unknown[] } };
  };
}
const bodyOf = (spec: Omit<ContainerSpec, "image">): Body => jobBody(request, { image: "x:1", ...spec }, rules) as unknown as Body;

test("it is made suspended, for one pod at a time, and names its secrets without their values", () => {
  const body = bodyOf({
    env: { A: "$$ $(B)", C: { valueFrom: { fieldRef: { fieldPath: "status.podIP" } } } },
    cpuLimit: 0.5,
    memoryRequestBytes: 1024,
  });
  expect(JSON.stringify(body)).not.toContain("s3cret");
  expect(body.metadata).toMatchObject({
    namespace: "windlass",
    labels: {
      "windlass.dev/job-id": "job_1",
      "windlass.dev/attempt": "2",
      "windlass.dev/execution-id": "job_0",
      "windlass.dev/kind": "step",
    },
    annotations: { "windlass.dev/attempt-of": "job_1/2", "windlass.dev/step-name": "Grüße" },
  });
  expect(body.spec).toMatchObject({
    ...{ suspend: true, backoffLimit: 0, ttlSecondsAfterFinished: 3_600, activeDeadlineSeconds: 2, podReplacementPolicy: "Failed" },
    template: {
      metadata: { labels: { "windlass.dev/job-id": "job_1" } },
      spec: {
        restartPolicy: "Never",
        terminationGracePeriodSeconds: 10,
        automountServiceAccountToken: false,
        serviceAccountName: "runner",
      },
    },
  });
  expect(body.spec.template.spec.containers[0]).toMatchObject({
    env: [
      { name: "A", value: "$$$$ $$(B)" },
      { name: "C", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
      { name: "KEY", valueFrom: { secretKeyRef: { name: "windlass-a-1", key: "KEY" } } },
      { name: "WINDLASS_JOB", value: "job_1" },
      { name: "WINDLASS_OUTPUT" },
    ],
    resources: { limits: { cpu: "500m" }, requests: { memory: "1024" } },
  });
  expect(secretBody(request, { uid: "u", namespace: "windlass" })).toMatchObject({
    metadata: { ownerReferences: [{ kind: "Job", uid: "u" }] },
    stringData: { KEY: "s3cret" },
  });
});

test("what a step says goes into its pod, and no patch takes our labels away", () => {
  const body = bodyOf({
    volumes: [
      { mountPath: "/a", claim: "data", readOnly: true },
      { mountPath: "/b", emptyDir: { sizeBytes: 10 } },
      { mountPath: "/c", configMap: "conf" },
      { mountPath: "/d", secret: "keys" },
    ],
    kubernetes: {
      ...{
        namespace: "batch",
        serviceAccount: "own",
        kueueQueue: "team",
        ttlSeconds: 5,
        labels: { "windlass.dev/job-id": "forged", team: "a" },
      },
      ...{ nodeSelector: { disk: "ssd" }, priorityClass: "high", imagePullSecrets: ["login"], securityContext: { runAsUser: 1 } },
      ...{ initContainers: [{ name: "first", image: "y:1" }], sidecars: [{ name: "side", image: "z:1" }] },
      pod: {
        metadata: { labels: { "windlass.dev/job-id": null, more: "b" } },
        spec: { hostNetwork: true, containers: [{ name: "main", tty: true }] },
      },
    },
  });
  expect(body.metadata).toMatchObject({
    namespace: "batch",
    labels: { "kueue.x-k8s.io/queue-name": "team", "windlass.dev/job-id": "job_1", team: "a" },
  });
  expect(body.spec.ttlSecondsAfterFinished).toBe(5);
  expect(body.spec.template).toMatchObject({
    metadata: { labels: { "windlass.dev/job-id": "job_1", team: "a", more: "b" } },
    spec: {
      ...{ hostNetwork: true, serviceAccountName: "own", nodeSelector: { disk: "ssd" }, priorityClassName: "high" },
      imagePullSecrets: [{ name: "login" }],
      initContainers: [{ name: "first" }, { name: "side", restartPolicy: "Always" }],
      containers: [
        {
          name: "main",
          tty: true,
          image: "x:1",
          securityContext: { runAsUser: 1 },
          volumeMounts: [{ mountPath: "/a", readOnly: true }, {}, {}, {}],
        },
      ],
      volumes: [
        { persistentVolumeClaim: { claimName: "data" } },
        { emptyDir: { sizeLimit: "10" } },
        { configMap: { name: "conf" } },
        { secret: { secretName: "keys" } },
      ],
    },
  });
});

test("namespaces that are not allowed and volumes of an engine are refused", () => {
  const spec: ContainerSpec = { image: "x", volumes: [{ mountPath: "/a", volume: "v" }], kubernetes: { namespace: "kube-system" } };
  expect(faultsOnCluster(spec, rules)).toMatchObject([
    { path: "volumes[0].volume" },
    { path: "kubernetes.namespace", message: "kube-system is not allowed; allowed are windlass, batch (setting kubernetes.namespaces)" },
  ]);
});

test("names of ours are refused: what they say of a Job decides whether it is begun", () => {
  const kubernetes = { labels: { team: "data", "windlass.dev/place": "there" }, annotations: { "windlass.dev/begun": "true" } };
  expect(faultsOnCluster({ image: "x:1", kubernetes }, rules)).toEqual([
    { path: 'kubernetes.labels["windlass.dev/place"]', message: expect.stringContaining("take another") as string },
    { path: 'kubernetes.annotations["windlass.dev/begun"]', message: expect.stringContaining("take another") as string },
  ]);
});
