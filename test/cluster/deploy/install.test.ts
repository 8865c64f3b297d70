/** Windlass installed into a cluster from its manifests, and upgraded in place while it works: nothing is lost, nothing is done twice. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { client, type Client } from "@windlass/sdk";
import { testCluster, testNats, testPostgres } from "@windlass/testkit";
import { makeImage } from "@windlass/testkit/lab";
import { IMAGE_CONFIG, makeLocalRoot } from "../../../scripts/image/local-root.ts";
import {
  addSpawner,
  install,
  NATS_IMAGE,
  prepare,
  REPLICAS,
  SERVER,
  spawnerIsThere,
  SPAWNER,
  SYSTEM,
  uninstall,
  WATCHER,
  type Installation,
} from "./installed.ts";
import { NODE_1, openDoors, portTo, routeTo, type Doors } from "./namespace-door.ts";
import { kubectl } from "./rendered.ts";

const cluster = testCluster();
const postgres = testPostgres();
const nats = testNats();
const DATABASE = `${NODE_1}:5432`;
const ADMIN_TOKEN = "wl_an-admin-token-for-tests";
const SET_UP_MS_MAX = 600_000;
const TEST_MS_MAX = 900_000;
/** Long enough to be seen. */
const TTL_SECONDS = 20;
const END_MS_MAX = 300_000;
const eventually = <T>(find: () => Promise<T | undefined>): Promise<T> =>
  vi.waitFor(
    async () => {
      const found = await find();
      if (found === undefined) throw new Error("not yet");
      return found;
    },
    { timeout: END_MS_MAX, interval: 500 },
  );
/** While the upgrade goes on, one after another; a small cluster ends two of them in a second. */
const EXECUTIONS_MAX = 60;

describe.skipIf(!cluster.mayFailNodes || postgres.missing || nats.missing)("an installation", () => {
  let folder = "";
  let installation: Installation;
  let address = "";
  let api: Client;
  const undo: (() => unknown)[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "windlass-install-"));
    undo.push(() => rmSync(folder, { recursive: true }));
    await postgres.start();
    undo.push(() => postgres.stop());
    for (const tag of ["one", "two"]) await cluster.lab("load", await imageOf(tag));
    await cluster.lab("load", await natsImage());
    installation = { cluster, folder, secrets: secretsOf(await postgres.database()) };
    undo.push(() => uninstall(installation));
    ({ address } = await prepare(installation));
    api = client({ url: await reachable(), token: ADMIN_TOKEN });
  }, SET_UP_MS_MAX);

  afterAll(async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  }, SET_UP_MS_MAX);

  /** The same program under two names, as two versions of it would be. */
  async function imageOf(tag: string): Promise<string> {
    const root = join(folder, "root");
    if (tag === "one") makeLocalRoot(root);
    return makeImage(join(folder, `${tag}.tar`), { name: `windlass:${tag}`, root, config: { ...IMAGE_CONFIG, Labels: { version: tag } } });
  }

  /** This machine's NATS under the name that the overlay has. */
  async function natsImage(): Promise<string> {
    const root = join(folder, "nats-root");
    mkdirSync(root);
    copyFileSync(nats.program, join(root, "nats-server"));
    return makeImage(join(folder, "nats.tar"), { name: NATS_IMAGE, root, config: { Entrypoint: ["/nats-server"] } });
  }

  function secretsOf(database: string): Installation["secrets"] {
    const name = new URL(database.replace("@/", "@host/")).pathname.slice(1);
    return {
      "windlass-store": { url: `postgres://windlass@${DATABASE}/${name}` },
      "windlass-internal-api-token": { token: "an-internal-token-for-tests" },
      "windlass-admin-token": { token: ADMIN_TOKEN },
      "windlass-notice-keys": { keys: Buffer.alloc(32, 8).toString("base64") },
      "windlass-secret-keys": { keys: Buffer.alloc(32, 7).toString("base64") },
    };
  }

  /** Pods reach the database, and this test the service. */
  async function reachable(): Promise<string> {
    const pid = inject("cluster")?.address?.pid ?? 0;
    const [, socket = ""] = /host=([^&]+)/u.exec(await postgres.database()) ?? [];
    const door = join(folder, "service.sock");
    await routeTo(pid, address.split(":")[0] ?? "");
    const doors: Doors = await openDoors(pid, [
      { listen: DATABASE, connect: join(decodeURIComponent(socket), ".s.PGSQL.5432") },
      { listen: door, connect: address },
    ]);
    undo.push(() => doors.close());
    const port = await portTo(door);
    undo.push(() => port.close());
    return `http://127.0.0.1:${port.port}`;
  }

  const run = async (word: string): Promise<string> => {
    const tool = `{kind: container, image: "${cluster.image}", command: [sh, -c], args: ["echo ${word}; sleep 1"]}`;
    const source = `apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: loaded}\nsteps: [{name: say, tool: ${tool}}]\n`;
    return (await api.workflows.run({ source, idempotencyKey: word })).job.id;
  };

  const ended = async (id: string): Promise<{ readonly state: string; readonly attempts: number; readonly log: string }> => {
    const { state } = await api.wait(id, { timeoutMs: END_MS_MAX });
    const [step] = (await api.jobs.list({ parentId: id })).items;
    if (step === undefined) return { state, attempts: 0, log: "" };
    const log = (await Array.fromAsync(api.tail(step.id))).map(({ text }) => text).join("\n");
    return { state, attempts: step.attempts, log };
  };

  test(
    "runs a container, goes on through an upgrade under load, and has lost nothing",
    async () => {
      await install(installation, { tag: "one", address });
      const first = await run("first");
      expect(await ended(first)).toEqual({ state: "succeeded", attempts: 1, log: "first" });

      const isolated = await runIsolated();

      const acknowledged = new Map<string, string>();
      let upgrading = true;
      const upgrade = install(installation, { tag: "two", address }).finally(() => (upgrading = false));
      while (upgrading && acknowledged.size < EXECUTIONS_MAX) {
        const word = `word-${acknowledged.size}`;
        acknowledged.set(await run(word), word);
      }
      await upgrade;
      const after = await run("after");
      acknowledged.set(after, "after").set(first, "first");

      for (const [id, word] of acknowledged)
        expect({ word, ...(await ended(id)) }).toEqual({ word, state: "succeeded", attempts: 1, log: word });
      const jobs = await names("windlass", "jobs", "{.metadata.labels.windlass\\.dev/execution-id}");
      expect([...new Set(jobs)].toSorted()).toEqual([...acknowledged.keys(), isolated].toSorted());
      // A runner's goes with its Job; what it opened is closed already.
      const secrets = await names("windlass", "secrets", "{.metadata.name}");
      expect(secrets.filter((name) => !name.startsWith("workflow-exec-"))).toEqual([]);
      const images = await names(SYSTEM, "pods", "{.spec.containers[0].image} {.status.containerStatuses[0].restartCount}");
      expect(images).toEqual(Array.from({ length: REPLICAS + 1 }, () => "windlass:two 0"));
    },
    TEST_MS_MAX,
  );

  test(
    "a schedule of each minute fires, and each time a spawner hears of it by NATS and makes a Job; the cluster forgets them, and Windlass does not",
    async () => {
      const own = { WINDLASS_KUBERNETES_TTL_SECONDS: String(TTL_SECONDS), WINDLASS_LOG: "debug" };
      await addSpawner(installation, { tag: "two", address, settings: own });
      // Nobody but the spawner can make a Job, or hears of anything by NATS.
      const settings = { WINDLASS_KUBERNETES_ENABLED: "no" };
      await install(installation, { tag: "two", address, components: ["dispatcher-cronjob"], settings });
      await spawnerIsThere(installation);
      const schedule = await everyMinute();
      const seen = new Set<string>();
      const fired = await eventually(async () => {
        // The first is forgotten before the second is there.
        for (const name of await ofSchedule(schedule.id)) seen.add(name);
        const { items } = await api.schedules.history({ name: schedule.name, decision: ["fired"] });
        const jobs = items.flatMap(({ jobId }) => (jobId === null ? [] : [jobId]));
        return seen.size >= 2 && jobs.every((id) => seen.has(`workflow-exec-${id.replace("_", "-")}`)) ? jobs : undefined;
      });
      await api.schedules.pause({ name: schedule.name, reason: "twice is enough" });
      for (const id of fired) expect((await api.wait(id, { timeoutMs: END_MS_MAX })).state).toBe("succeeded");
      await eventually(async () => ((await ofSchedule(schedule.id)).length === 0 ? true : undefined));

      const { items } = await api.schedules.history({ name: schedule.name, decision: ["fired"] });
      expect(new Set(items.map(({ jobId }) => jobId))).toEqual(new Set(fired));
      for (const id of fired) {
        const say = (await api.jobs.list({ parentId: id })).items.find(({ key }) => key === "say");
        expect((await Array.fromAsync(api.tail(say?.id ?? ""))).map(({ text }) => text)).toEqual(["a minute is over"]);
      }
      const said = await kubectl(cluster, "-n", SYSTEM, "logs", "-l", "app.kubernetes.io/component=spawner", "--tail=-1");
      const heardOf = said.split("\n").filter((line) => line.includes("a notice is done with"));
      for (const id of fired) expect(heardOf.some((line) => line.includes(id))).toBe(true);
      const passed = ["get", "cronjob", "windlass-dispatcher", "-o", "jsonpath={.status.lastSuccessfulTime}"];
      expect(await kubectl(cluster, "-n", SYSTEM, ...passed)).not.toBe("");
    },
    TEST_MS_MAX,
  );

  async function everyMinute(): Promise<{ readonly id: string; readonly name: string }> {
    const steps = '[{name: say, tool: {kind: shell, script: "echo a minute is over"}}]';
    const source = `apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: minutely}\nisolation: job\nsteps: ${steps}\n`;
    await api.workflows.apply({ source });
    const { schedule } = await api.schedules.apply({
      source: 'apiVersion: windlass.dev/v1\nkind: Schedule\nmetadata: {name: minutely}\nworkflow: minutely\ncron: "* * * * *"\n',
    });
    return schedule;
  }

  /** As people look for them. */
  const ofSchedule = async (id: string): Promise<readonly string[]> => {
    const selector = `app=workflow-runner,schedule-id=${id}`;
    const text = await kubectl(cluster, "-n", "windlass", "get", "jobs", "-l", selector, "-o", "jsonpath={.items[*].metadata.name}");
    return text.split(" ").filter((name) => name !== "");
  };

  /** In a Job of its own, which people find by its name and labels, and whose token is in no text. */
  async function runIsolated(): Promise<string> {
    const script = "echo isolated by $(id -u)";
    const source = `apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: isolated}\nisolation: job\nsteps: [{name: say, tool: {kind: shell, script: "${script}"}}]\n`;
    const { id } = (await api.workflows.run({ source })).job;
    expect(await api.wait(id, { timeoutMs: END_MS_MAX })).toMatchObject({ state: "succeeded" });
    const { items } = await api.jobs.list({ parentId: id });
    const say = items.find(({ key }) => key === "say");
    expect(items.find(({ key }) => key === "#runner/0")).toMatchObject({ executor: "kubernetes", outcome: "succeeded" });
    expect((await Array.fromAsync(api.tail(say?.id ?? ""))).map(({ text }) => text)).toEqual(["isolated by 10001"]);
    const name = `workflow-exec-${id.replace("_", "-")}`;
    const job = await kubectl(cluster, "-n", "windlass", "get", "jobs", "-l", `app=workflow-runner,execution-id=${id}`, "-o", "yaml");
    expect(job).toContain(`name: ${name}`);
    expect(job).toMatch(/secretKeyRef:\s+key: WINDLASS_TOKEN/u);
    expect(job).not.toContain("wlr_");
    return id;
  }

  async function names(namespace: string, kind: string, path: string): Promise<readonly string[]> {
    const text = await kubectl(
      cluster,
      "-n",
      namespace,
      "get",
      kind,
      "-o",
      `jsonpath={range .items[*]}${path.replaceAll("} {", '}{" "}{')}{"\\n"}{end}`,
    );
    return text.split("\n").filter((line) => line !== "");
  }

  test("neither server nor spawner nor watcher may do what it need not", async () => {
    const may = async (account: string, ...what: readonly string[]): Promise<boolean> => {
      const args = ["auth", "can-i", ...what, "--as", `system:serviceaccount:${SYSTEM}:${account}`];
      return (await kubectl(cluster, ...args).catch(() => "no")).trim() === "yes";
    };
    expect(await may(SERVER, "create", "jobs", "-n", "windlass")).toBe(true);
    expect(await may(SPAWNER, "create", "jobs", "-n", "windlass")).toBe(true);
    expect(await may(WATCHER, "list", "pods", "-n", "windlass")).toBe(true);
    for (const account of [SERVER, SPAWNER, WATCHER]) {
      expect(await may(account, "get", "secrets", "-n", SYSTEM), account).toBe(false);
      expect(await may(account, "list", "secrets", "-n", "windlass"), account).toBe(false);
      expect(await may(account, "create", "pods", "-n", "windlass"), account).toBe(false);
      expect(await may(account, "create", "pods", "--subresource=exec", "-n", "windlass"), account).toBe(false);
      expect(await may(account, "create", "jobs", "-n", "default"), account).toBe(false);
    }
    for (const verb of ["create", "patch", "update", "delete"])
      expect(await may(WATCHER, verb, "jobs", "-n", "windlass"), verb).toBe(false);
  });
});
