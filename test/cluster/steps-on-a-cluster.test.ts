/** Steps on a real cluster, end to end: the program's own server and watcher, as somebody would start them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as after } from "node:timers";
import { ClusterClient, findCluster } from "@windlass/kubernetes";
import { client, type Client } from "@windlass/sdk";
import { testCluster } from "@windlass/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { stranger, type Server, type Stranger } from "../e2e/stranger.ts";

const cluster = testCluster();
const PATIENCE = { timeout: 90_000, interval: 100 };
const TOKEN = "an-internal-token-for-tests";
const ROUNDS = 3;

const clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs: number, callback: () => void) => {
    const timer = after(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

interface Listed {
  readonly metadata: { readonly name: string; readonly uid: string; readonly labels: Readonly<Record<string, string>> };
}

describe.skipIf(cluster.missing)("steps on a cluster", () => {
  const namespace = `windlass-steps-${process.pid}`;
  let api: ClusterClient;
  let here: Stranger;
  const environment = (): Record<string, string> => ({
    KUBECONFIG: cluster.kubeconfig,
    WINDLASS_KUBERNETES_NAMESPACE: namespace,
    WINDLASS_INTERNAL_API_TOKEN: TOKEN,
  });
  beforeAll(async () => {
    const access = findCluster({ environment: {}, kubeconfig: cluster.kubeconfig });
    if (access === null) throw new Error("no kubeconfig");
    api = new ClusterClient({ access, clock, pace: { perSecond: 1_000, burst: 1_000 }, callsMax: 20 });
    await api.call("POST", "/api/v1/namespaces", { body: { metadata: { name: namespace } } });
  });
  afterAll(async () => {
    await api.call("DELETE", `/api/v1/namespaces/${namespace}`);
    api.close();
  });
  beforeEach(() => {
    here = stranger();
  });
  afterEach(() => here.leave());

  const serve = async (port = 0): Promise<{ readonly server: Server; readonly windlass: Client }> => {
    const server = await here.serverWith(environment(), "--port", String(port));
    return { server, windlass: client({ url: server.url, token: readFileSync(join(here.folder, ".windlass/token"), "utf8").trim() }) };
  };
  const watch = (url: string): void => void here.start(["k8s-watcher", "--server", url, "--port", "0"], environment());
  const list = async (kind: "jobs" | "pods", jobId: string): Promise<readonly Listed[]> => {
    const path = `${kind === "jobs" ? "/apis/batch/v1" : "/api/v1"}/namespaces/${namespace}/${kind}`;
    const { body } = await api.call("GET", path, { query: { labelSelector: `windlass.dev/job-id=${jobId}` } });
    return (body as { readonly items: readonly Listed[] }).items;
  };
  const file = (...steps: readonly string[]): string =>
    `apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: far}\nexecutor: kubernetes\nsteps:\n${steps.map((step) => `  - ${step}\n`).join("")}`;
  const step = (name: string, script: string, more = ""): string =>
    `{name: ${name}${more === "needs" ? ", needs: [first]" : ""}, tool: {kind: container, image: "${cluster.image}", command: [sh, -c, ${JSON.stringify(script)}]${more === "output" ? ", output: json" : ""}}}`;
  const stepsOf = async (windlass: Client, id: string) => (await windlass.jobs.list({ parentId: id, limit: 100 })).items;
  const firstStep = (windlass: Client, id: string) =>
    vi.waitFor(async () => {
      const [one] = await stepsOf(windlass, id);
      if (one === undefined) throw new Error("no step yet");
      return one;
    }, PATIENCE);

  test("outputs go from step to step, an exit code is told, and a log is kept", async () => {
    const { server, windlass } = await serve();
    watch(server.url);
    const source = file(
      step("first", "echo hello; echo '{\"n\": 7}'", "output"),
      step("second", "echo got {{ first.output.n }}; exit {{ first.output.n }}", "needs"),
    );
    const { job } = await windlass.workflows.run({ source });
    expect(await windlass.wait(job.id)).toMatchObject({ state: "failed" });
    const steps = await stepsOf(windlass, job.id);
    expect(steps.find(({ name }) => name === "first")).toMatchObject({ state: "succeeded", output: { n: 7 } });
    const second = steps.find(({ name }) => name === "second");
    expect(second).toMatchObject({ state: "failed", outcome: "failed", reason: "exit_code", exitCode: 7 });
    expect((await here.windlass("logs", second?.id ?? "")).stdout).toContain("got 7");
    expect(await list("pods", second?.id ?? "")).toHaveLength(1);
  });

  test("a server that is killed while it launches makes no second Job, and hears of the end", async () => {
    let { server, windlass } = await serve();
    const port = Number(new URL(server.url).port);
    watch(server.url);
    for (let round = 0; round < ROUNDS; round++) {
      const { job } = await windlass.workflows.run({ source: file(step("first", "sleep 1")) });
      const { id } = await firstStep(windlass, job.id);
      // From the moment that the Job is there: before its record, before it begins, or just after, as it comes.
      if (round > 0) await vi.waitFor(async () => expect(await list("jobs", id)).toHaveLength(1), { ...PATIENCE, interval: 5 });
      server.kill("SIGKILL");
      await server.ended;
      ({ server, windlass } = await serve(port));
      expect(await windlass.wait(job.id)).toMatchObject({ state: "succeeded" });
      expect((await windlass.jobs.attempts({ id })).items).toHaveLength(1);
      expect([(await list("jobs", id)).length, (await list("pods", id)).length]).toEqual([1, 1]);
    }
  });

  test("what is cancelled ends there, and is told to have been", async () => {
    const { server, windlass } = await serve();
    watch(server.url);
    const { job } = await windlass.workflows.run({ source: file(step("first", "trap 'exit 0' TERM; sleep 600 & wait")) });
    const { id } = await firstStep(windlass, job.id);
    await vi.waitFor(async () => expect(await list("pods", id)).toHaveLength(1), PATIENCE);
    expect((await here.windlass("cancel", job.id)).code).toBe(0);
    expect(await windlass.wait(job.id)).toMatchObject({ state: "cancelled" });
    expect((await stepsOf(windlass, job.id))[0]).toMatchObject({ state: "cancelled", reason: "parent_ended" });
    await vi.waitFor(async () => expect(await list("jobs", id)).toEqual([]), PATIENCE);
    expect(await list("pods", id)).toEqual([]);
  });
});
