/** The watcher on a real cluster, with a server that writes down what it is told. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { JsonObject } from "@windlass/kernel";
import { testCluster } from "@windlass/testkit";
import type { ClusterWatcher } from "./cluster-watcher.ts";
import { RecordingServer } from "./server-fixture.ts";
import { makeJob, nameOf, watcherOf, watcherSite, type MoreOfWatcher, type WatcherSite } from "./watcher-fixture.ts";

const cluster = testCluster();
const GRACES = { imagePullMs: 5_000, configMs: 5_000 };

describe.skipIf(cluster.missing)("the cluster watcher", () => {
  let site: WatcherSite;
  let server: RecordingServer;
  const watchers: ClusterWatcher[] = [];
  const make: ReturnType<typeof makeJob> = (...parts) => makeJob(site)(...parts);
  const jobs = (): string => `/apis/batch/v1/namespaces/${site.namespace}/jobs`;
  const watch = async (more: MoreOfWatcher = {}): Promise<ClusterWatcher> => {
    const watcher = watcherOf(site, server, { graces: GRACES, ...more });
    watchers.push(watcher);
    await watcher.start();
    return watcher;
  };

  beforeAll(async () => {
    site = await watcherSite(cluster.kubeconfig);
  });
  beforeEach(async () => {
    server = await new RecordingServer().open();
  });
  afterEach(async () => {
    await Promise.all(watchers.splice(0).map((one) => one.stop()));
    await server.close();
  });
  afterAll(async () => {
    await site.client.call("DELETE", `/api/v1/namespaces/${site.namespace}`);
    site.client.close();
  });

  test("ends of all sorts are told once, with evidence, and logs with them", async () => {
    await watch();
    await Promise.all([
      make("job_good", "echo one; sleep 1; echo two"),
      make("job_bad", "echo oh no; exit 3"),
      make("job_oom", "tail /dev/zero; code=$?; sleep 1; exit $code"),
      make("job_command", "", { container: { command: ["/no/such"] } }),
      make("job_image", "true", { container: { image: "none:1" } }),
      make("job_late", "sleep 300", { spec: { activeDeadlineSeconds: 3 } }),
      make("job_secret", "true", {
        container: { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "absent", key: "k" } } }] },
      }),
    ]);
    expect(await server.heard("job_good")).toMatchObject({
      path: "jobs/job_good/attempts/1/facts",
      state: "succeeded",
      exitCode: 0,
      jobName: nameOf("job_good"),
    });
    expect(await server.heard("job_bad")).toMatchObject({
      state: "failed",
      reason: "exit_code",
      exitCode: 3,
      evidence: { logTail: "oh no" },
    });
    expect(await server.heard("job_oom")).toMatchObject({ state: "failed_oom", reason: "memory_limit" });
    expect(await server.heard("job_command")).toMatchObject({ state: "failed_config", reason: "command_not_found" });
    expect(await server.heard("job_image")).toMatchObject({ state: "failed_image_pull", reason: "image_not_found" });
    expect(await server.heard("job_late")).toMatchObject({ state: "failed_timeout", reason: "job_deadline" });
    expect(await server.heard("job_secret")).toMatchObject({ state: "failed_config", reason: "secret_missing" });
    expect(await server.heard("job_image", ({ state }) => state === "pending")).toMatchObject({ reason: "image_not_found" });
    expect(server.log("job_good/1/main")).toBe("one\ntwo\n");
    expect(server.log("job_bad/1/main")).toBe("oh no\n");
  });

  test("what is removed is told: the Job, its pod, and what we stop ourselves", async () => {
    await watch();
    for (const id of ["job_gone", "job_pod", "job_stopped"]) await make(id, "sleep 300");
    const running = ({ state }: { readonly state: string }): boolean => state === "running";
    const [, removed] = await Promise.all(["job_gone", "job_pod", "job_stopped"].map((id) => server.heard(id, running)));
    const propagation = { query: { propagationPolicy: "Background" } };
    await site.client.call("DELETE", `${jobs()}/${nameOf("job_gone")}`, propagation);
    await site.client.call("DELETE", `/api/v1/namespaces/${site.namespace}/pods/${removed?.podName}`);
    await site.client.call("PATCH", `${jobs()}/${nameOf("job_stopped")}`, {
      contentType: "application/merge-patch+json",
      body: { metadata: { annotations: { "windlass.dev/stop-for": "cancelled" } } },
    });
    await site.client.call("DELETE", `${jobs()}/${nameOf("job_stopped")}`, propagation);
    expect(await server.heard("job_gone")).toMatchObject({ state: "cancelled", reason: "job_deleted_outside" });
    expect(await server.heard("job_pod")).toMatchObject({ state: "failed_node_lost", reason: "pod_deleted" });
    expect(await server.heard("job_stopped")).toMatchObject({ state: "cancelled", reason: "cancel_requested" });
  });

  test("a watcher that was down at the end tells it when it is back, and again after every start; then nothing is told twice by one", async () => {
    const first = await watch();
    await make("job_down", "sleep 2; echo late; exit 4");
    await server.heard("job_down", ({ state }) => state === "running");
    await first.stop();
    await ended("job_down");
    await watch();
    expect(await server.heard("job_down")).toMatchObject({ state: "failed", exitCode: 4, evidence: { logTail: "late" } });
    expect(server.log("job_down/1/main")).toBe("late\n");
    await make("job_after", "true");
    await server.heard("job_after");
    expect(server.told.filter(({ jobName, state }) => jobName === nameOf("job_down") && state === "failed")).toHaveLength(1);
  });

  test.each([[503], [429], [403], [null]])(
    "a server that answers %s is told again until it takes it, and its log is whole",
    async (status) => {
      const id = `job_again_${status}`;
      const watcher = await watch();
      server.fail(status);
      await make(id, "echo held; exit 5");
      await ended(id);
      await until(() => watcher.state().undelivered > 0);
      await site.client.call("DELETE", `${jobs()}/${nameOf(id)}`, { query: { propagationPolicy: "Background" } });
      server.fail(0);
      expect(await server.heard(id)).toMatchObject({ state: "failed", exitCode: 5 });
      await until(() => server.log(`${id}/1/main`) === "held\n");
    },
  );

  test("a wrong token is told again until somebody mends it", async () => {
    let token = "a-wrong-token-of-some-length";
    const { metrics } = await watch({ token: () => token });
    await make("job_token", "true");
    await until(() => server.refused.includes(403));
    token = server.token;
    expect(await server.heard("job_token")).toMatchObject({ state: "succeeded" });
    expect(await metrics.text()).toContain('windlass_k8s_watcher_posts_total{kind="end",result="denied"}');
  });

  test("what is refused for good is told in fewer words, and then noted as undelivered", async () => {
    await watch();
    server.refuse(
      ({ jobName, evidence }) => jobName === nameOf("job_never") || (jobName === nameOf("job_wordy") && evidence !== undefined),
    );
    await make("job_wordy", "exit 6");
    await make("job_never", "exit 7");
    const bare = await server.heard("job_wordy");
    expect(bare).toMatchObject({ state: "failed", exitCode: 6 });
    expect(bare.evidence).toBeUndefined();
    await until(() => server.undelivered.length > 0);
    expect(server.undelivered).toMatchObject([{ jobName: nameOf("job_never"), id: "job_never", attempt: 1, state: "failed" }]);
  });

  test("logs of init containers, sidecars and large ones are whole, though the Job is removed at its end", async () => {
    await watch();
    const other = (name: string, command: string, more: JsonObject = {}): JsonObject => ({
      name,
      image: "busybox:1",
      command: ["sh", "-c", command],
      ...more,
    });
    await make("job_logs", "i=0; while [ $i -lt 20000 ]; do echo line $i of the main container; i=$((i+1)); done; printf end", {
      pod: { initContainers: [other("setup", "echo set up"), other("side", "echo beside; sleep 300", { restartPolicy: "Always" })] },
      container: { resources: {} },
    });
    expect(await server.heard("job_logs")).toMatchObject({ state: "succeeded" });
    const lines = server.log("job_logs/1/main").split("\n");
    expect(lines).toHaveLength(20_001);
    expect(lines.at(-1)).toBe("end");
    expect(lines.at(19_999)).toBe("line 19999 of the main container");
    expect(server.log("job_logs/1/setup")).toBe("set up\n");
    await until(() => server.log("job_logs/1/side") === "beside\n");
  });

  test("an output that is promised comes with the end", async () => {
    await watch();
    const annotations = { "windlass.dev/output": "true" };
    await make("job_file", "echo noise; echo '{\"rows\":3}' > /dev/termination-log", { annotations });
    await make("job_line", "echo noise; echo '{\"rows\":4}'; echo more", { annotations });
    await make("job_none", "echo noise", { annotations });
    expect(await server.heard("job_file")).toMatchObject({ state: "succeeded", output: { rows: 3 } });
    expect(await server.heard("job_line")).toMatchObject({ state: "succeeded", output: { rows: 4 } });
    expect(await server.heard("job_none")).toMatchObject({ state: "failed", reason: "output_invalid" });
  });

  test("of two watchers one watches, and the other follows when it goes", async () => {
    const first = await watch({ turn: "of a test" });
    await until(() => first.state().isLeading);
    const second = await watch({ turn: "of a test" });
    await until(() => second.state().isReady);
    expect(second.state().isLeading).toBe(false);
    await first.stop();
    await until(() => second.state().isLeading);
    await make("job_turn", "true");
    expect(await server.heard("job_turn")).toMatchObject({ state: "succeeded" });
    await until(async () => (await second.metrics.text()).includes('windlass_k8s_watcher_posts_total{kind="end",result="accepted"}'));
  });

  test.skipIf(!cluster.mayFailNodes)("a node that is lost is told while its pod still says that it runs", async () => {
    await watch();
    await make("job_node", "sleep 300", { pod: { nodeSelector: { "kubernetes.io/hostname": "node-3" } } });
    await server.heard("job_node", ({ state }) => state === "running");
    await cluster.lab("stop-node", "node-3");
    try {
      const lost = await server.heard("job_node");
      expect(lost).toMatchObject({ state: "failed_node_lost", reason: "node_lost", node: "node-3" });
      expect(lost.evidence).toMatchObject({ nodes: [{ name: "node-3", ready: false }], pods: [{ phase: "Running" }] });
    } finally {
      await cluster.lab("start-node", "node-3");
    }
  });

  const ended = (id: string): Promise<void> =>
    until(async () => {
      const { body } = await site.client.call("GET", `${jobs()}/${nameOf(id)}`);
      const { status } = body as { readonly status?: { readonly conditions?: readonly { readonly type: string }[] } };
      return status?.conditions?.some(({ type }) => type === "Complete" || type === "Failed") === true;
    });
});

/** The cluster and the server tell nobody: looked at until it is so. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(isSo, { timeout: 100_000, interval: 100 }).toBe(true);
}
