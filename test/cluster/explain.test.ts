/**
 * Why a step on a cluster does not run, or ended as it did, as somebody reads it: `windlass explain` and `windlass jobs get`, also
 * when nothing of it is left on the cluster. All at once, for each takes its time.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { client, type Client } from "@windlass/sdk";
import { testCluster } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { stranger, until, type Stranger } from "../e2e/stranger.ts";

const cluster = testCluster();
const PATIENCE = { timeout: 110_000, interval: 200 };
const NODE = "node-3";

describe.skipIf(cluster.missing)("explained", () => {
  const [namespace, full] = [`windlass-explain-${process.pid}`, `windlass-full-${process.pid}`];
  let here: Stranger;
  let api: Client;
  const kubectl = (...args: readonly string[]): Promise<string> => cluster.lab("kubectl", "-n", namespace, ...args);
  beforeAll(async () => {
    here = stranger();
    for (const one of [namespace, full]) await cluster.lab("kubectl", "create", "namespace", one);
    await cluster.lab("kubectl", "label", "namespace", namespace, "pod-security.kubernetes.io/enforce=baseline");
    await cluster.lab("kubectl", "-n", full, "create", "quota", "none", "--hard=count/jobs.batch=0");
    const environment = {
      KUBECONFIG: cluster.kubeconfig,
      WINDLASS_KUBERNETES_NAMESPACE: namespace,
      WINDLASS_KUBERNETES_NAMESPACES: full,
      WINDLASS_INTERNAL_API_TOKEN: "an-internal-token-for-tests",
      WINDLASS_CONTAINERS_EXECUTOR: "kubernetes",
      WINDLASS_WATCHER_IMAGE_PULL_GRACE_SECONDS: "5",
      WINDLASS_WATCHER_CONFIG_GRACE_SECONDS: "5",
      WINDLASS_WATCHER_NODE_GRACE_SECONDS: "5",
    };
    const server = await here.serverWith(environment);
    await until(here.start(["k8s-watcher", "--server", server.url, "--port", "0"], environment), "Figures are on port");
    api = client({ url: server.url, token: readFileSync(join(here.folder, ".windlass/token"), "utf8").trim() });
  });
  afterAll(async () => {
    await here.leave();
    for (const one of [namespace, full]) await cluster.lab("kubectl", "delete", "namespace", one, "--wait=false");
  });

  const step = (name: string, script: string, more = ""): string =>
    `  - {name: ${name}, tool: {kind: container, image: "${cluster.image}", command: [sh, -c, ${JSON.stringify(script)}]${more}}}\n`;
  const run = async (...steps: readonly string[]): Promise<string> =>
    (
      await api.workflows.run({
        source: `apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: explained}\nsteps:\n${steps.join("")}`,
      })
    ).job.id;
  const stepOf = (id: string, name: string): Promise<string> =>
    vi.waitFor(async () => {
      const found = (await api.jobs.list({ parentId: id, limit: 100 })).items.find((one) => one.name === name);
      if (found === undefined) throw new Error(`${name} is not there yet`);
      return found.id;
    }, PATIENCE);
  const said = async (...args: readonly string[]): Promise<string> => (await here.windlass(...args)).stdout;
  /** What is explained of it, once it says this. */
  const explained = (job: string, words: RegExp): Promise<string> =>
    vi.waitFor(
      async () => {
        const text = await said("explain", job);
        expect(text).toMatch(words);
        return text;
      },
      { ...PATIENCE, interval: 1_000 },
    );

  test("what it waits for, and how it ended, in the cluster's own words, long after", { timeout: 240_000 }, async () => {
    const id = await run(
      '  - {name: image, tool: {kind: container, image: "not-there:1"}}\n',
      step("config", "true", ", env_from: [{secretRef: {name: no-such-secret}}]"),
      step("oom", "tail /dev/zero; code=$?; sleep 3; exit $code", ", resources: {limits: {memory: 32Mi}}"),
      step("admission", "true", ", security_context: {privileged: true}"),
      step("code", "echo the last words; exit 3"),
      step("unschedulable", "true", ", node_selector: {disk: fast}"),
      step("quota", "true", `, namespace: ${full}`),
    );
    const ENDS = {
      image: /failed after[^]*not-there:1[^]*not found[^]*do: correct the image's name/u,
      config: /failed after[^]*secret "no-such-secret" not found[^]*Secret of the cluster/u,
      oom: /failed after[^]*need(?:ed|ing) more memory than its limit of 32Mi/u,
      admission: /failed after[^]*violates PodSecurity "baseline:latest"[^]*must not set/u,
      code: /failed after[^]*exit code 3/u,
    };
    const WAITS = {
      unschedulable: /has not begun since[^]*node affinity\/selector/u,
      quota: /has not begun since[^]*exceeded quota: none/u,
    };
    for (const [name, words] of Object.entries({ ...WAITS, ...ENDS }))
      expect(await explained(await stepOf(id, name), words)).toMatch(words);
    expect(await explained(id, /waits for 2 children/u)).toMatch(/because step "unschedulable"[^]*because step "quota"/u);
    await api.jobs.cancel({ id });
    await kubectl("delete", "jobs,pods,events", "--all", "--wait=false");
    const KEPT = {
      image:
        /pod windlass-image-[^ ]+ on node-\d: Pending[^]*main \(not-there:1\): waiting, (?:ErrImagePull|ImagePullBackOff)[^]*Warning {2}Pod Failed/u,
      config: /main \([^)]*\): waiting, CreateContainerConfigError: secret "no-such-secret" not found/u,
      oom: /pod windlass-oom-[^ ]+ on node-\d: Failed[^]*main \([^)]*limit 33554432\): terminated, (?:OOMKilled|Error), exit code 137/u,
      admission: /Warning {2}Job FailedCreate[^]*violates PodSecurity/u,
      code: /main \([^)]*\): terminated, Error, exit code 3/u,
    };
    for (const [name, words] of Object.entries(KEPT)) expect(await said("jobs", "get", await stepOf(id, name))).toMatch(words);
    expect(await said("logs", await stepOf(id, "code"))).toContain("the last words");
  });

  test.skipIf(!cluster.mayFailNodes)("an exclusive step on a node that is cut off", { timeout: 240_000 }, async () => {
    const where = `, exclusive: true, node_selector: {kubernetes.io/hostname: ${NODE}}`;
    const id = await run(step("alone", '[ "$WINDLASS_ATTEMPT" = 2 ] || sleep 600', where));
    const job = await stepOf(id, "alone");
    await vi.waitFor(async () => {
      const [attempt] = (await api.jobs.attempts({ id: job })).items;
      expect(attempt?.evidence).toMatchObject({ observed: { state: "running" } });
    }, PATIENCE);
    await cluster.lab("stop-node", NODE);
    try {
      await explained(job, /of attempt 1 may still run on the node node-3/u);
      expect((await kubectl("get", "jobs", "-l", `windlass.dev/job-id=${job},windlass.dev/attempt=2`, "-o", "name")).trim()).toBe("");
    } finally {
      await cluster.lab("start-node", NODE);
    }
    await vi.waitFor(async () => expect(await api.jobs.get({ id })).toMatchObject({ state: "succeeded" }), PATIENCE);
    expect((await api.jobs.attempts({ id: job })).items).toMatchObject([{ outcome: "failed_node_lost" }, { outcome: "succeeded" }]);
  });
});
