/**
 * The Job of a runner as people find it on a cluster: its name, its labels, its environment, and the pod that a file of the
 * operator's says. A schedule makes the execution, of a workflow that says nothing of isolation.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { client } from "@windlass/sdk";
import { testCluster } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { stranger, type Stranger } from "../e2e/stranger.ts";

const cluster = testCluster();
const PATIENCE = { timeout: 110_000, interval: 200 };
const TEMPLATE = {
  metadata: { annotations: { "example.org/team": "night" } },
  spec: { terminationGracePeriodSeconds: 27, containers: [{ name: "main", resources: { requests: { cpu: "10m" } } }] },
};
const WORKFLOW = `apiVersion: windlass.dev/v1
kind: Workflow
metadata: {name: nightly}
steps: [{name: work, tool: {kind: shell, script: "true"}}]
schedules: [{name: monthly, cron: "0 0 1 1 *"}]
`;

interface Labelled {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
}

interface ClusterJob extends Labelled {
  readonly spec: {
    readonly activeDeadlineSeconds: number;
    readonly template: Labelled & {
      readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly {
          readonly name: string;
          readonly args: readonly string[];
          readonly env: readonly { readonly name: string }[];
        }[];
      };
    };
  };
}

describe.skipIf(cluster.missing)("the Job of a runner", () => {
  const namespace = `windlass-runner-${process.pid}`;
  let here: Stranger;
  let job: ClusterJob;
  let wanted: Readonly<Record<string, string>>;
  beforeAll(async () => {
    here = stranger();
    await cluster.lab("kubectl", "create", "namespace", namespace);
    here.write("runner-job.yaml", JSON.stringify(TEMPLATE));
    const server = await here.serverWith({
      KUBECONFIG: cluster.kubeconfig,
      WINDLASS_KUBERNETES_NAMESPACE: namespace,
      WINDLASS_RUNNER_EXECUTOR: "kubernetes",
      WINDLASS_RUNNER_IMAGE: cluster.image,
      // Nobody is there: what is looked at is the Job.
      WINDLASS_RUNNER_URL: "http://windlass.invalid:4180",
      WINDLASS_RUNNER_TEMPLATE: join(here.folder, "runner-job.yaml"),
      WINDLASS_RUNNER_ACCESS: "database",
      WINDLASS_RUNNER_SECRET: "runner-database",
    });
    const api = client({ url: server.url, token: readFileSync(join(here.folder, ".windlass/token"), "utf8").trim() });
    const { workflow } = await api.workflows.apply({ source: WORKFLOW });
    const schedule = await api.schedules.get({ name: "monthly" });
    await api.schedules.run({ name: "monthly" });
    job = await vi.waitFor(async () => {
      const listed = await cluster.lab("kubectl", "-n", namespace, "get", "jobs", "-l", "app=workflow-runner", "-o", "json");
      const [found] = (JSON.parse(listed) as { readonly items: readonly ClusterJob[] }).items;
      if (found === undefined) throw new Error("there is no Job yet");
      return found;
    }, PATIENCE);
    const [execution] = (await api.jobs.list({ kind: "workflow", limit: 1 })).items;
    const id = execution?.id ?? "";
    wanted = { app: "workflow-runner", "workflow-id": workflow.id, "execution-id": id, "schedule-id": schedule.id };
  });
  afterAll(async () => {
    await here.leave();
    await cluster.lab("kubectl", "delete", "namespace", namespace, "--wait=false");
  });

  test.each(["app", "workflow-id", "execution-id", "schedule-id"])("it and its pod have the label %s", (label) => {
    expect(wanted[label]).toMatch(/^\S+$/u);
    expect(job.metadata.labels[label]).toBe(wanted[label]);
    expect(job.spec.template.metadata.labels[label]).toBe(wanted[label]);
  });

  test("it has the labels of all Jobs of Windlass as well", () => {
    expect(job.metadata.labels).toMatchObject({
      "app.kubernetes.io/managed-by": "windlass",
      "windlass.dev/execution-id": wanted["execution-id"],
    });
  });

  test("it is called after its execution, and has the usual time limit", () => {
    expect(job.metadata.name).toBe(`workflow-exec-${wanted["execution-id"]?.replace("_", "-")}`);
    expect(job.spec.activeDeadlineSeconds).toBeGreaterThanOrEqual(300);
  });

  test("its pod is as the file of the operator says", () => {
    expect(job.spec.template.metadata.annotations).toMatchObject({ "example.org/team": "night" });
    expect(job.spec.template.spec).toMatchObject({
      terminationGracePeriodSeconds: 27,
      containers: [{ name: "main", args: ["runner"], resources: { requests: { cpu: "10m" } } }],
    });
  });

  test("the database, the key and its token are given by reference, and nothing of them as text", () => {
    const env = new Map(job.spec.template.spec.containers[0]?.env.map((one) => [one.name, one]));
    for (const key of ["DATABASE_URL", "INTEGRATION_ENCRYPTION_KEY"])
      expect(env.get(key)).toEqual({ name: key, valueFrom: { secretKeyRef: { name: "runner-database", key } } });
    expect(env.get("WINDLASS_TOKEN")).toMatchObject({ valueFrom: { secretKeyRef: { key: "WINDLASS_TOKEN" } } });
    for (const [name, value] of Object.entries({
      EXECUTION_ID: wanted["execution-id"],
      WORKFLOW_ID: wanted["workflow-id"],
      WORKFLOW_INPUT: "{}",
    }))
      expect(env.get(name)).toEqual({ name, value });
    expect(JSON.stringify(job)).not.toContain("wlr_");
  });
});
