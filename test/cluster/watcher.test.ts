/** Server, executor, cluster and cluster watcher as real programs: a file is run, and what became of it is read as a user reads it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { client, type Client } from "@windlass/sdk";
import { testCluster } from "@windlass/testkit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { stranger, until, type Running, type Server, type Stranger } from "../e2e/stranger.ts";

const cluster = testCluster();
const PATIENCE = { timeout: 100_000, interval: 100 };
const TOKEN = "an-internal-token-for-tests";
let namespaces = 0;

describe.skipIf(cluster.missing)("a cluster that is watched", () => {
  let here: Stranger;
  let namespace = "";
  let api: Client;
  let server: Server;
  const environment = (): Record<string, string> => ({
    KUBECONFIG: cluster.kubeconfig,
    WINDLASS_KUBERNETES_NAMESPACE: namespace,
    WINDLASS_INTERNAL_API_TOKEN: TOKEN,
    WINDLASS_CONTAINERS_EXECUTOR: "kubernetes",
    WINDLASS_WATCHER_IMAGE_PULL_GRACE_SECONDS: "5",
    WINDLASS_WATCHER_CONFIG_GRACE_SECONDS: "5",
  });
  const kubectl = (...args: readonly string[]): Promise<string> => cluster.lab("kubectl", "-n", namespace, ...args);
  const serve = async (...args: readonly string[]): Promise<void> => {
    server = await here.serverWith(environment(), ...args);
    api = client({ url: server.url, token: readFileSync(join(here.folder, ".windlass/token"), "utf8").trim() });
  };
  const watch = async (more: Record<string, string> = {}): Promise<Running> => {
    const one = here.start(["k8s-watcher", "--server", server.url, "--port", "0"], { ...environment(), ...more });
    await until(one, "Figures are on port");
    return one;
  };
  const step = (name: string, script: string, more = ""): string =>
    `{name: ${name}, tool: {kind: container, image: "${cluster.image}", command: [sh, -c, ${JSON.stringify(script)}]${more}}}`;
  const run = async (...steps: readonly string[]): Promise<string> => {
    const source = `apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: watched}\nsteps:\n${steps.map((one) => `  - ${one}\n`).join("")}`;
    return (await api.workflows.run({ source })).job.id;
  };
  const stepsOf = async (id: string) => new Map((await api.jobs.list({ parentId: id, limit: 100 })).items.map((one) => [one.name, one]));
  const stepOf = async (id: string, name: string, fits: (one: { readonly state: string }) => boolean) =>
    vi.waitFor(async () => {
      const found = (await stepsOf(id)).get(name);
      expect(found !== undefined && fits(found)).toBe(true);
      return found?.id ?? "";
    }, PATIENCE);
  const attemptOf = async (id: string) => {
    const { items } = await api.jobs.attempts({ id });
    const [first] = items;
    if (first === undefined) throw new Error(`${id} has no attempt`);
    return first;
  };
  /** It runs there, and the server knows. */
  const running = (id: string, name: string): Promise<string> =>
    vi.waitFor(async () => {
      const found = (await stepsOf(id)).get(name);
      const attempt = found === undefined ? undefined : await attemptOf(found.id);
      expect(attempt?.evidence).toMatchObject({ observed: { state: "running" } });
      return found?.id ?? "";
    }, PATIENCE);

  beforeEach(async () => {
    here = stranger();
    namespace = `windlass-e2e-${process.pid}-${++namespaces}`;
    await cluster.lab("kubectl", "create", "namespace", namespace);
  });
  afterEach(async () => {
    await here.leave();
    await cluster.lab("kubectl", "delete", "namespace", namespace, "--wait=false");
  });
  test("ends of all sorts, with their logs and evidence long after their pods", async () => {
    await serve();
    await watch();
    const id = await run(
      step("good", "echo one; echo two"),
      step("bad", "echo oh no; exit 3"),
      step("oom", "tail /dev/zero; code=$?; sleep 1; exit $code", ", resources: {limits: {memory: 32Mi}}"),
      `{name: image, tool: {kind: container, image: "none:1", command: ["true"]}}`,
      `{name: command, tool: {kind: container, image: "${cluster.image}", command: [/no/such]}}`,
      step("late", "sleep 300", ", timeout_seconds: 4"),
      step("rows", "echo noise; echo '{\"rows\": 7}'", ", output: json"),
    );
    expect((await api.wait(id)).state).toBe("failed");
    const steps = await stepsOf(id);
    const ends = Object.fromEntries(
      await Promise.all(
        [...steps].map(async ([name, one]) => {
          const { outcome, reason, exitCode } = await attemptOf(one.id);
          return [name, `${outcome} ${reason} ${exitCode}`];
        }),
      ),
    );
    expect(ends).toMatchObject({
      good: "succeeded ok 0",
      bad: "failed exit_code 3",
      oom: "failed_oom memory_limit 137",
      image: "failed_image_pull image_not_found null",
      command: "failed_config command_not_found null",
      rows: "succeeded ok 0",
    });
    expect(ends["late"]).toMatch(/^failed_timeout (step_timeout|job_deadline)/u);
    expect((await api.jobs.get({ id: steps.get("rows")?.id ?? "" })).output).toEqual({ rows: 7 });
    await kubectl("delete", "pods", "--all", "--wait=false");
    const oom = await attemptOf(steps.get("oom")?.id ?? "");
    expect(oom.evidence).toMatchObject({
      pods: [{ containers: [{ name: "main", memoryLimit: expect.any(String), state: { reason: "OOMKilled" } }] }],
    });
    const log = async (name: string): Promise<string> =>
      Buffer.concat(await Array.fromAsync(await api.jobs.rawLogs({ id: steps.get(name)?.id ?? "", stream: "stdout" }))).toString();
    expect(await log("good")).toBe("one\ntwo\n");
    expect(await log("bad")).toBe("oh no\n");
    // Of the image that cannot be had the Job lived on; it is removed.
    await vi.waitFor(async () => expect(await kubectl("get", "jobs", "-o", "name")).not.toContain("image"), PATIENCE);
  });

  test("a Job or a pod that somebody removes, and a cancel, are told apart", async () => {
    await serve();
    await watch();
    const id = await run(step("gone", "sleep 300"), step("pod", "sleep 300"), step("mine", "sleep 300"));
    const ids = await Promise.all(["gone", "pod", "mine"].map((name) => running(id, name)));
    const [gone = "", pod = "", mine = ""] = ids;
    await kubectl("delete", "job", (await attemptOf(gone)).externalName ?? "", "--wait=false");
    await kubectl("delete", "pod", "-l", `windlass.dev/job-id=${pod}`, "--wait=false");
    await api.jobs.cancel({ id: mine });
    await stepOf(id, "gone", ({ state }) => state === "cancelled");
    expect(await attemptOf(gone)).toMatchObject({ outcome: "cancelled", reason: "job_deleted_outside" });
    await vi.waitFor(
      async () => expect(await attemptOf(pod)).toMatchObject({ outcome: "failed_node_lost", reason: "pod_deleted" }),
      PATIENCE,
    );
    await stepOf(id, "mine", ({ state }) => state === "cancelled");
    expect(await attemptOf(mine)).toMatchObject({ outcome: "cancelled", reason: "cancel_requested" });
    await api.jobs.cancel({ id });
  });

  test("a watcher that is killed at the end, and a server that is down then, cost time only", async () => {
    await serve();
    const watcher = await watch();
    const id = await run(step("work", "sleep 3; echo late; exit 4"));
    const work = await running(id, "work");
    watcher.kill("SIGKILL");
    await watcher.ended;
    server.kill("SIGKILL");
    await server.ended;
    await vi.waitFor(async () => expect(await kubectl("get", "jobs", "-o", "jsonpath={.items[*].status.failed}")).toContain("1"), PATIENCE);
    await serve();
    await watch();
    expect((await api.wait(id)).state).toBe("failed");
    expect(await attemptOf(work)).toMatchObject({ outcome: "failed", reason: "exit_code", exitCode: 4 });
    expect((await api.jobs.attempts({ id: work })).items).toHaveLength(1);
    await vi.waitFor(
      async () =>
        expect(Buffer.concat(await Array.fromAsync(await api.jobs.rawLogs({ id: work, stream: "stdout" }))).toString()).toBe("late\n"),
      PATIENCE,
    );
  });

  test("a wrong token that is mended, and a Job that somebody made up", async () => {
    await serve();
    here.write("token", "a-wrong-token-of-some-length");
    const watcher = here.start(["k8s-watcher", "--server", server.url, "--port", "0", "--token-file", "token"], environment());
    await until(watcher, "Figures are on port");
    const forged = { "app.kubernetes.io/managed-by": "windlass", "windlass.dev/job-id": "job_made0up", "windlass.dev/attempt": "1" };
    const id = await run(step("work", "echo done"));
    here.write(
      "forged.json",
      JSON.stringify({
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: { name: "forged", labels: forged },
        spec: {
          backoffLimit: 0,
          template: {
            metadata: { labels: forged },
            spec: { restartPolicy: "Never", containers: [{ name: "main", image: cluster.image, command: ["true"] }] },
          },
        },
      }),
    );
    await kubectl("create", "-f", join(here.folder, "forged.json"));
    await until(watcher, "told again");
    here.write("token", TOKEN);
    expect((await api.wait(id)).state).toBe("succeeded");
    await until(watcher, '"why":"unknown_job"');
    const metrics = await (
      await fetch(`${server.url}/metrics`, {
        headers: { authorization: `Bearer ${readFileSync(join(here.folder, ".windlass/token"), "utf8").trim()}` },
      })
    ).text();
    expect(metrics).toMatch(/windlass_container_callback_stale_total\{.*unknown_job.*\} 1/u);
  });
});
