/**
 * Isolated executions, with real servers and runners that are processes: where their steps run, and what becomes of them when
 * the runner dies, is told to end, cannot work, or is not needed for a while.
 */
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { freePort } from "@windlass/testkit";
import { client, type Client, type JobJson } from "@windlass/sdk";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { stranger, type Server, type Stranger } from "./stranger.ts";

const PATIENCE = { timeout: 90_000, interval: 50 };
const HEAD = "apiVersion: windlass.dev/v1\nkind: Workflow\nisolation: job\n";

let me: Stranger;
beforeEach(() => {
  me = stranger();
});
afterEach(() => me.leave());

/** A workflow with these steps, as JSON is YAML. */
function file(name: string, parts: Readonly<Record<string, unknown>>): string {
  return `${HEAD}metadata: {name: ${name}}\n${Object.entries(parts)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join("")}`;
}

const shell = (name: string, script: string, more: object = {}) => ({ name, tool: { kind: "shell", script }, ...more });

interface Site {
  readonly server: Server;
  readonly api: Client;
}

async function site(environment: Readonly<Record<string, string>> = {}): Promise<Site> {
  const server = await me.serverWith(environment, "--data", "data");
  return { server, api: client({ url: server.url, token: readFileSync(join(me.folder, "data", "token"), "utf8").trim() }) };
}

async function run({ api }: Site, name: string, parts: Readonly<Record<string, unknown>>): Promise<string> {
  const { job } = await api.workflows.run({ source: file(name, parts) });
  return job.id;
}

async function ended({ api }: Site, id: string): Promise<JobJson> {
  return vi.waitFor(async () => {
    const job = await api.jobs.get({ id });
    expect(job.outcome).not.toBeNull();
    return job;
  }, PATIENCE);
}

async function childrenOf({ api }: Site, id: string): Promise<ReadonlyMap<string, JobJson>> {
  const { items } = await api.jobs.list({ parentId: id, limit: 100 });
  return new Map(items.map((job) => [job.key ?? "", job]));
}

/** What a step wrote into a file of the stranger's folder, once it is there. */
async function written(name: string, lines = 1): Promise<readonly string[]> {
  return vi.waitFor(() => {
    const found = readFileSync(join(me.folder, name), "utf8").trim().split("\n");
    expect(found.length).toBeGreaterThanOrEqual(lines);
    return found;
  }, PATIENCE);
}

const isThere = (pid: string | undefined): boolean => existsSync(`/proc/${pid}`);

test("its steps run below one runner, with their secrets, loops and what ends it, and nothing of that is left anywhere", async () => {
  const called = await hearer();
  const here = await site({ WINDLASS_HTTP_ALLOW: "loopback" });
  await here.api.secrets.set({ name: "report-db", value: "correct/horse+battery" });
  const id = await run(here, "isolated", {
    steps: [
      shell(
        "who",
        `tr '\\0' ' ' < /proc/$PPID/cmdline > ${me.folder}/who; printenv WINDLASS_TOKEN > ${me.folder}/token || true; echo '{"n":[1,2,3]}'`,
        {
          tool: {
            kind: "shell",
            script: `tr '\\0' ' ' < /proc/$PPID/cmdline > ${me.folder}/who; printenv WINDLASS_TOKEN > ${me.folder}/token; echo '{"n":[1,2,3]}'`,
            output: "json",
          },
          continue_on_failure: true,
        },
      ),
      shell("told", `echo "key $KEY"; echo "{\\"key\\":\\"$KEY\\"}"`, {
        tool: {
          kind: "shell",
          script: `echo "key $KEY"; echo "{\\"key\\":\\"$KEY\\"}"`,
          output: "json",
          env: { KEY: { valueFrom: "report-db" } },
        },
      }),
      { ...shell("each", "echo {{ item }}"), foreach: [1, 2, 3] },
      { name: "call", needs: ["told"], tool: { kind: "http", url: `${called.url}/hook`, auth: "report-db" } },
    ],
    finally: [shell("last", `echo last > ${me.folder}/last`)],
    output: { key: "{{ told.output.key }}", status: "{{ call.output.status }}" },
  });
  expect(await ended(here, id)).toMatchObject({ outcome: "succeeded", output: { key: "***", status: 200 } });
  expect(await written("who")).toEqual([expect.stringMatching(/windlass\.js runner/u)]);
  expect(await written("last")).toEqual(["last"]);
  expect(called.authorizations).toEqual(["Bearer correct/horse+battery"]);
  const children = await childrenOf(here, id);
  expect(children.get("who")).toMatchObject({ outcome: "failed", exitCode: 1 });
  expect(children.get("#runner/0")).toMatchObject({ kind: "task", name: "runner", outcome: "succeeded", exitCode: 0, queue: "runners" });
  // By which the deaths of runners that carry a long loop out are not counted.
  expect(children.get("#runner/0")).toMatchObject({ progress: { text: "a step has ended in it" } });
  const printed = await me.windlass("logs", id, "--data", "data");
  expect(printed.stdout).toContain("key ***");
  expect(holding(join(me.folder, "data"), "correct/horse+battery")).toEqual([]);
  expect(holding(join(me.folder, "data"), "wlr_")).toEqual([]);
  called.close();
});

test("a runner that is killed is missed: its step is lost, and tried again in the next one; each attempt has its effect once", async () => {
  const here = await site();
  const id = await run(here, "killed", {
    steps: [
      shell(
        "work",
        `echo $WINDLASS_ATTEMPT >> ${me.folder}/effects; echo $PPID $$ >> ${me.folder}/pids; test $WINDLASS_ATTEMPT != 1 || exec sleep 600`,
      ),
      shell("after", "true", { needs: ["work"] }),
    ],
  });
  const [pids = ""] = await written("pids");
  const [runner, step] = pids.split(" ");
  process.kill(Number(runner), "SIGKILL");
  expect(await ended(here, id)).toMatchObject({ outcome: "succeeded" });
  expect(isThere(step)).toBe(false);
  const children = await childrenOf(here, id);
  expect(children.get("#runner/0")).toMatchObject({ outcome: "failed", reason: "signal" });
  expect(children.get("#runner/1")?.id).toBeDefined();
  const { items: attempts } = await here.api.jobs.attempts({ id: children.get("work")?.id ?? "" });
  expect(attempts.map(({ outcome }) => outcome)).toEqual(["failed_node_lost", "succeeded"]);
  expect(await written("effects")).toEqual(["1", "2"]);
});

test("a runner that is told to end stops its steps and says so; a second signal adds nothing", async () => {
  const here = await site();
  const id = await run(here, "terminated", {
    steps: [
      shell(
        "work",
        `echo $PPID $$ >> ${me.folder}/pids; test $WINDLASS_ATTEMPT != 1 || { trap 'echo stopped > ${me.folder}/stopped; echo last words; exit 3' TERM; sleep 600 & wait; }`,
      ),
    ],
  });
  const [pids = ""] = await written("pids");
  const [runner, step] = pids.split(" ");
  process.kill(Number(runner), "SIGTERM");
  await written("stopped");
  if (isThere(runner)) process.kill(Number(runner), "SIGTERM");
  expect(await ended(here, id)).toMatchObject({ outcome: "succeeded" });
  expect(isThere(step)).toBe(false);
  const children = await childrenOf(here, id);
  expect(children.get("#runner/0")).toMatchObject({ outcome: "failed", exitCode: 143 });
  // What its step printed until then is not lost with it.
  const log = await me.windlass("logs", children.get("work")?.id ?? "", "--attempt", "1", "--data", "data");
  expect(log.stdout).toContain("last words");
  const said = await me.windlass("logs", children.get("#runner/0")?.id ?? "", "--data", "data");
  expect(said.stdout.match(/terminated by SIGTERM/gu)).toHaveLength(1);
  const { items: attempts } = await here.api.jobs.attempts({ id: children.get("work")?.id ?? "" });
  expect(attempts.map(({ outcome, message }) => [outcome, message])).toEqual([
    ["failed_node_lost", "terminated by SIGTERM"],
    ["succeeded", null],
  ]);
});

test("a runner whose environment is not as it must be names all of it at once", async () => {
  const one = me.start(["runner"], { WORKFLOW_INPUT: "[]", EXECUTION_ID: "yesterday", WINDLASS_URL: "http://127.0.0.1:1" });
  const { code, stderr } = await one.ended;
  expect(code).toBe(1);
  for (const name of ["WORKFLOW_ID is missing", "EXECUTION_ID is not as it must be", "WORKFLOW_INPUT is not", "WINDLASS_TOKEN is missing"])
    expect(stderr).toContain(name);
  expect(stderr).not.toContain("WINDLASS_URL");
});

test("an execution whose runners are not let in ends with what they said, and its steps with it", async () => {
  const other = createServer((_request, response) => response.writeHead(401).end());
  const problem = JSON.stringify({
    code: "unauthorized",
    title: "unauthorized",
    status: 401,
    detail: "the token is not known to this server",
  });
  other.on("upgrade", (_request, socket) =>
    socket.end(
      `HTTP/1.1 401 Unauthorized\r\ncontent-type: application/problem+json\r\ncontent-length: ${problem.length}\r\nconnection: close\r\n\r\n${problem}`,
    ),
  );
  await once(other.listen(0, "127.0.0.1"), "listening");
  const port = (other.address() as AddressInfo).port;
  const here = await site({ WINDLASS_RUNNER_URL: `http://127.0.0.1:${port}`, WINDLASS_SPAWNER_ATTEMPTS_MAX: "1" });
  const id = await run(here, "misled", { steps: [shell("work", "true"), shell("after", "true", { needs: ["work"] })] });
  const job = await ended(here, id);
  expect(job).toMatchObject({ outcome: "failed", reason: "runner_failed" });
  expect(job.message).toMatch(/its runner job_\w+ ended as failed: exit code 75: .*the runner cannot work/u);
  const children = await childrenOf(here, id);
  expect(children.get("work")).toMatchObject({ outcome: "cancelled", reason: "runner_failed" });
  expect(children.get("#runner/2")).toMatchObject({ exitCode: 75 });
  const docker = await here.api.workflows.run({ source: file("boxed", { steps: [shell("work", "true")], executor: "docker" }) });
  expect(await ended(here, docker.job.id)).toMatchObject({
    outcome: "failed_config",
    reason: "spawn_failed",
    message: expect.stringContaining("WINDLASS_RUNNER_IMAGE is needed"),
  });
  other.close();
});

test("while the execution waits there is no runner, and another one goes on afterwards", async () => {
  const here = await site();
  const id = await run(here, "waiting", {
    steps: [
      shell("before", "true"),
      { name: "go", needs: ["before"], tool: { kind: "wait", signal: "go" } },
      shell("after", `echo after > ${me.folder}/after`, { needs: ["go"] }),
    ],
  });
  await vi.waitFor(async () => {
    const children = await childrenOf(here, id);
    expect(children.get("#runner/0")).toMatchObject({ outcome: "succeeded" });
    expect(children.get("go")).toMatchObject({ state: "waiting" });
  }, PATIENCE);
  await here.api.jobs.signal({ id, name: "go" });
  expect(await ended(here, id)).toMatchObject({ outcome: "succeeded" });
  expect((await childrenOf(here, id)).get("#runner/1")).toMatchObject({ outcome: "succeeded" });
  expect(await written("after")).toEqual(["after"]);
});

test("a cancel ends it before its runner has begun, in the middle of a step, and while it waits; what is to run at the end does", async () => {
  const here = await site();
  const last = (name: string) => [shell("last", `echo ${name} >> ${me.folder}/last`)];
  const busy = await run(here, "busy", {
    steps: [shell("work", `echo $PPID $$ >> ${me.folder}/pids; exec sleep 600`)],
    finally: last("busy"),
  });
  const [pids = ""] = await written("pids");
  await here.api.jobs.cancel({ id: busy });
  expect(await ended(here, busy)).toMatchObject({ outcome: "cancelled" });
  expect(pids.split(" ").filter((pid) => isThere(pid))).toEqual([]);
  expect(await written("last")).toEqual(["busy"]);

  const resting = await run(here, "resting", {
    steps: [shell("before", "true"), { name: "go", needs: ["before"], tool: { kind: "wait", signal: "go" } }],
  });
  await vi.waitFor(
    async () => expect((await childrenOf(here, resting)).get("#runner/0")).toMatchObject({ outcome: "succeeded" }),
    PATIENCE,
  );
  await here.api.jobs.cancel({ id: resting });
  expect(await ended(here, resting)).toMatchObject({ outcome: "cancelled" });

  await here.api.queues.put({ name: "runners", paused: true });
  const queued = await run(here, "queued", { steps: [shell("work", `echo never >> ${me.folder}/pids`)] });
  await vi.waitFor(async () => expect((await childrenOf(here, queued)).get("#runner/0")).toMatchObject({ state: "queued" }), PATIENCE);
  await here.api.jobs.cancel({ id: queued });
  expect(await ended(here, queued)).toMatchObject({ outcome: "cancelled" });
  expect(await written("pids")).toHaveLength(1);
});

test("nobody else is given its steps, nor may fill its queue", async () => {
  const here = await site();
  await here.api.queues.put({ name: "runners", paused: true });
  const id = await run(here, "guarded", { steps: [shell("work", "true")] });
  const queue = `execution/${id}`;
  await expect(
    here.api.jobs.submit({ kind: "task", name: "x", spec: { handler: "windlass.shell" }, executor: "handler", queue }),
  ).rejects.toThrow(/queue of an isolated execution/u);
  me.write("handlers.mjs", "export const anything = () => {};\n");
  const token = readFileSync(join(me.folder, "data", "token"), "utf8").trim();
  const thief = me.start(["worker", "--handlers", "handlers.mjs", "--queue", queue, "--server", here.server.url, "--token", token]);
  const { code, stderr } = await thief.ended;
  expect(code).not.toBe(0);
  expect(stderr).toContain("served by the runner of its execution only");
});

test("an execution of which no runner can be made is a dead letter, and runs when it is redriven", async () => {
  const nowhere = { WINDLASS_DOCKER_HOST: `unix://${me.folder}/none.sock`, WINDLASS_RUNNER_IMAGE: "localhost/windlass:none" };
  const there = { WINDLASS_RUNNER_EXECUTOR: "docker", WINDLASS_RUNNER_URL: "http://127.0.0.1:1", WINDLASS_SPAWNER_ATTEMPTS_MAX: "1" };
  const first = await site({ ...nowhere, ...there });
  const id = await run(first, "unmade", { steps: [shell("work", `echo done >> ${me.folder}/effects`)] });
  expect(await ended(first, id)).toMatchObject({
    outcome: "failed",
    reason: "spawn_failed",
    message: expect.stringContaining("could not be started"),
  });
  expect((await first.api.deadLetters.list({})).items).toMatchObject([{ id, reason: "spawn_failed" }]);
  // Nothing was mended: it dies of the same again.
  const redriven = await me.windlass("dlq", "redrive", "--all", "--json", "--data", "data");
  const job = (JSON.parse(redriven.stdout) as { items: { job: string }[] }).items[0]?.job ?? "";
  expect(await ended(first, job)).toMatchObject({ reason: "spawn_failed" });
  expect((await first.api.deadLetters.list({})).items).toMatchObject([
    { id: job, reason: "spawn_failed", redrives: 0 },
    { id, redrives: 1, redrivenAs: job },
  ]);
  await me.stopServers();
  const second = await site();
  expect(await me.windlass("dlq", "redrive", job, "--data", "data")).toMatchObject({ code: 0, stdout: "1 redriven\n" });
  const { redrivenAs } = await second.api.deadLetters.get({ id: job });
  expect(await ended(second, redrivenAs ?? "")).toMatchObject({ outcome: "succeeded" });
  expect(await me.windlass("dlq", "redrive", "--all", "--data", "data")).toMatchObject({ code: 0, stdout: "0 redriven\n" });
  expect(await written("effects")).toEqual(["done"]);
});

/** A server on a port of its own, which comes back there. */
async function lasting(): Promise<{ readonly start: () => Promise<Site> }> {
  const port = String(await freePort());
  const start = async (): Promise<Site> => {
    const server = await me.serverWith({}, "--data", "data", "--port", port);
    return { server, api: client({ url: server.url, token: readFileSync(join(me.folder, "data", "token"), "utf8").trim() }) };
  };
  return { start };
}

async function killed({ server }: Site): Promise<void> {
  server.kill("SIGKILL");
  await server.ended;
}

/** A step that ends when it is told to, while nobody else is there. */
const untilAway = (): string =>
  `echo begun >> ${me.folder}/begun; until test -e ${me.folder}/away; do sleep 0.1; done; echo $$ >> ${me.folder}/effects`;

test("what a step came to while the server was away for a moment is kept", async () => {
  const { start } = await lasting();
  const first = await start();
  const id = await run(first, "left", { steps: [shell("work", untilAway())] });
  await written("begun");
  await killed(first);
  me.write("away", "");
  await written("effects");
  const second = await start();
  expect(await ended(second, id)).toMatchObject({ outcome: "succeeded" });
  expect(await written("effects")).toHaveLength(1);
  expect((await childrenOf(second, id)).get("work")).toMatchObject({ outcome: "succeeded", attempts: 1 });
});

test("a runner with nothing to do stays while the server is away, and goes on when it is back", async () => {
  const { start } = await lasting();
  const first = await start();
  const id = await run(first, "stays", { steps: [shell("work", untilAway()), shell("after", "true", { needs: ["work"] })] });
  await written("begun");
  await killed(first);
  me.write("away", "");
  await written("effects");
  // One that leaves, with all that it does to take leave, has tried for less often.
  await vi.waitFor(() => expect(told("trying again in")).toBeGreaterThanOrEqual(9), PATIENCE);
  const second = await start();
  expect(await ended(second, id)).toMatchObject({ outcome: "succeeded" });
  expect([...(await childrenOf(second, id)).keys()].filter((key) => key.startsWith("#runner/"))).toEqual(["#runner/0"]);
});

/** How often a text stands in the files of the data folder. */
function told(text: string): number {
  const data = join(me.folder, "data");
  const files = holding(data, text).map((name) => readFileSync(join(data, name), "utf8"));
  return files.reduce((sum, one) => sum + one.split(text).length - 1, 0);
}

test("settings that make no runner keep a server from starting, with what is wrong", async () => {
  const started = async (environment: Readonly<Record<string, string>>): Promise<string> => {
    const { code, stderr } = await me.start(["server", "--port", "0", "--data", "data"], environment).ended;
    expect(code).not.toBe(0);
    return stderr;
  };
  expect(await started({ WINDLASS_RUNNER_EXECUTOR: "kubernetes" })).toContain("WINDLASS_RUNNER_URL is needed for runners in containers");
  expect(await started({ WINDLASS_RUNNER_URL: "ftp://there" })).toContain('WINDLASS_RUNNER_URL is "ftp://there"');
  expect(await started({ WINDLASS_SPAWNER_RUNNING_MAX: "1.5" })).toContain("WINDLASS_SPAWNER_RUNNING_MAX is 1.5");
  expect(await started({ WINDLASS_SPAWNER_ATTEMPTS_MAX: "0" })).toContain("WINDLASS_SPAWNER_ATTEMPTS_MAX is 0");
});

async function hearer() {
  const authorizations: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    authorizations.push(request.headers.authorization);
    response.end("well");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { authorizations, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

/** Files below a folder that hold a text. */
function holding(folder: string, text: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => {
    const path = join(folder, name);
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true && readFileSync(path).includes(text);
  });
}
