/** Containers as steps: what holds no slot, what a killed server leaves, and what it takes up again. On a real engine. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { client, type Client } from "@windlass/sdk";
import { testPodman } from "@windlass/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { stranger, type Server, type Stranger } from "./stranger.ts";

const podman = testPodman();
const PATIENCE = { timeout: 60_000, interval: 50 };
const ROUNDS = 3;

beforeAll(() => podman.start());
afterAll(() => podman.stop());

describe.skipIf(podman.missing)("containers on podman", () => {
  let here: Stranger;
  beforeEach(() => {
    here = stranger();
  });
  afterEach(() => here.leave());

  const serve = async (more: Readonly<Record<string, string>> = {}): Promise<{ readonly server: Server; readonly api: Client }> => {
    const server = await here.serverWith({ WINDLASS_DOCKER_HOST: podman.server.host, ...more });
    return { server, api: client({ url: server.url, token: readFileSync(join(here.folder, ".windlass/token"), "utf8").trim() }) };
  };
  const file = (...steps: readonly string[]): string =>
    `apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: boxes}\nsteps:\n${steps.map((step) => `  - ${step}\n`).join("")}`;
  const step = (name: string, script: string, more = ""): string =>
    `{name: ${name}, tool: {kind: container, image: "${podman.server.image}", command: [/init, ${JSON.stringify(script)}]${more}}}`;
  const childrenOf = async (api: Client, id: string) => (await api.jobs.list({ parentId: id, limit: 100 })).items;
  const containersOf = async (id: string): Promise<readonly string[]> =>
    (await podman.server.command("ps", "--all", "--format", "{{.ID}}", "--filter", `label=windlass.dev/job-id=${id}`))
      .split("\n")
      .filter((one) => one !== "");

  test("a server that is killed when a container ends takes its end up once, and cleans up", async () => {
    let { server, api } = await serve();
    for (let round = 0; round < ROUNDS; round++) {
      const { job } = await api.workflows.run({
        source: file(
          step("work", "sleep 1; echo '{\"rows\": 7}'; exit 0", ", output: json"),
          "{name: after, needs: [work], tool: {kind: shell, script: echo after >> $HOME/effects}}",
        ),
      });
      const [work] = await vi.waitFor(async () => {
        const found = (await childrenOf(api, job.id)).filter((one) => one.name === "work");
        expect(found[0] && (await containersOf(found[0].id))).toHaveLength(1);
        return found;
      }, PATIENCE);
      await podman.server.command("wait", (await containersOf(work?.id ?? ""))[0] ?? "");
      server.kill("SIGKILL");
      await server.ended;
      ({ server, api } = await serve());
      expect((await api.wait(job.id)).state).toBe("succeeded");
      const { attempts } = await api.jobs.attempts({ id: work?.id ?? "" }).then((items) => ({ attempts: items.items }));
      expect(attempts).toHaveLength(1);
      await vi.waitFor(async () => expect(await containersOf(work?.id ?? "")).toEqual([]), PATIENCE);
    }
    expect(here.read("effects").trim().split("\n")).toHaveLength(ROUNDS);
  });

  test("a server that is killed while it launches makes exactly one container of each attempt", async () => {
    let { server, api } = await serve();
    const { job } = await api.workflows.run({ source: file(...[1, 2, 3, 4].map((n) => step(`s${n}`, "echo ran; sleep 0.2"))) });
    await vi.waitFor(async () => expect(await childrenOf(api, job.id)).toHaveLength(4), PATIENCE);
    await vi.waitFor(async () => {
      const made = await Promise.all((await childrenOf(api, job.id)).map(({ id }) => containersOf(id)));
      expect(made.flat().length).toBeGreaterThan(0);
    }, PATIENCE);
    server.kill("SIGKILL");
    await server.ended;
    ({ server, api } = await serve());
    expect((await api.wait(job.id)).state).toBe("succeeded");
    for (const { id } of await childrenOf(api, job.id)) {
      expect((await api.jobs.attempts({ id })).items).toHaveLength(1);
      expect(Buffer.concat(await Array.fromAsync(await api.jobs.rawLogs({ id, stream: "stdout" }))).toString()).toBe("ran\n");
    }
  });

  test("containers and waits in flight leave the one slot of a worker free, and cost no work while they are parked", async () => {
    const { api } = await serve();
    const waits = Array.from({ length: 20 }, (_, n) => `{name: w${n}, tool: {kind: wait, for: 1h}}`);
    const { job } = await api.workflows.run({ source: file(...[1, 2, 3, 4, 5].map((n) => step(`c${n}`, "sleep 600")), ...waits) });
    await vi.waitFor(async () => {
      const running = (await childrenOf(api, job.id)).filter((one) => one.executor === "docker" && one.startedAt !== null);
      expect((await Promise.all(running.map(({ id }) => containersOf(id)))).flat()).toHaveLength(5);
    }, PATIENCE);
    // What is asked for meanwhile is done at once.
    const other = await api.jobs.submit({ name: "other", executor: "process", spec: { command: ["true"] } });
    expect((await api.wait(other.id)).state).toBe("succeeded");
    await api.jobs.cancel({ id: job.id });
    expect((await api.wait(job.id)).state).toBe("cancelled");
    const children = await childrenOf(api, job.id);
    expect(new Set(children.map(({ outcome }) => outcome))).toEqual(new Set(["cancelled"]));
    await vi.waitFor(async () => expect((await Promise.all(children.map(({ id }) => containersOf(id)))).flat()).toEqual([]), PATIENCE);
  });

  test("a secret reaches the container and no log, also when another server brings the log home", async () => {
    let { server, api } = await serve();
    await api.secrets.set({ name: "report-db", value: "hunter2-hunter2" });
    const script = 'echo "first $KEY"; sleep 4; echo "then $KEY"; test "$KEY" = hunter2-hunter2';
    const spec = { image: podman.server.image, command: ["/init", script], env: { KEY: { valueFrom: "report-db" } } };
    const { id } = await api.jobs.submit({ name: "secretive", executor: "docker", spec });
    await vi.waitFor(async () => expect(await containersOf(id)).toHaveLength(1), PATIENCE);
    await vi.waitFor(async () => expect((await api.jobs.attempts({ id })).items[0]?.externalRef).toBeTruthy(), PATIENCE);
    server.kill("SIGKILL");
    await server.ended;
    ({ server, api } = await serve());
    expect((await api.wait(id)).state).toBe("succeeded");
    expect(Buffer.concat(await Array.fromAsync(await api.jobs.rawLogs({ id, stream: "stdout" }))).toString()).toBe("first ***\nthen ***\n");
  });

  test("a task of one container, by the command line", async () => {
    await serve();
    const done = await here.windlass(
      "jobs",
      "submit",
      "--image",
      podman.server.image,
      "--output-json",
      "--wait",
      "--json",
      "--",
      "/bin/echo",
      '{"a":1}',
    );
    expect(done).toMatchObject({ code: 0 });
    expect(done.stdout).toContain('"a": 1');
    const asked = await here.windlass("doctor", "--json");
    expect(asked.stdout).toContain("containers");
  });

  test("without an engine a step is refused with what to install; asked for, its command runs here", async () => {
    const { api } = await serve({ WINDLASS_DOCKER_HOST: "", XDG_RUNTIME_DIR: here.folder });
    const source = file('{name: a, tool: {kind: container, image: "x:1", command: [echo, hello]}}');
    const { job } = await api.workflows.run({ source, executor: "process" });
    expect((await api.wait(job.id)).state).toBe("succeeded");
  });
});
