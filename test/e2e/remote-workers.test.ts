/**
 * Workers in processes of their own, started by `windlass worker`: killed, frozen, left by their server. Their handlers add
 * a line to a file for each attempt that begins and ends, and the lines are counted.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { client, type Client } from "@windlass/sdk";
import { testPostgres } from "@windlass/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { line, spoiledLine, type Line } from "../../programs/server/src/worker-line-fixture.ts";
import { stranger, until, type Running, type Stranger } from "./stranger.ts";

const HANDLERS = `
import { appendFileSync, existsSync } from "node:fs";
const note = (what, { jobId, attempt }) => appendFileSync("effects", what + " " + jobId + " " + attempt + "\\n");
export const handlers = {
  quick: (context) => { note("begun", context); note("done", context); return "quick"; },
  slow: async (context) => {
    note("begun", context);
    while (!existsSync("go")) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      context.signal.throwIfAborted();
    }
    note("done", context);
    return { attempt: context.attempt };
  },
};
`;

let here: Stranger;
const lines: Pick<Line, "close">[] = [];

beforeEach(() => {
  here = stranger();
  here.write("handlers.ts", HANDLERS);
});
afterEach(async () => {
  await here.leave();
  for (const one of lines.splice(0)) await one.close();
});

const effects = (at: Stranger): string[] => (existsSync(join(at.folder, "effects")) ? at.read("effects").trim().split("\n") : []);
const tokenOf = (at: Stranger): string => at.read(join(".windlass", "token")).trim();

/** Of a worker whose session is to be lost; a busy machine ends none of the others. */
const SOON_LOST = ["--session-ttl", "2s"];

async function working(at: Stranger, url: string, more: readonly string[] = []): Promise<Running> {
  const args = ["worker", "--handlers", "handlers.ts", "--drain", "10s", "--server", url];
  const one = at.start([...args, "--token", tokenOf(at), ...more]);
  await until(one, "A worker of");
  return one;
}

async function lineTo(url: string): Promise<Line> {
  const made = await line({ port: Number(new URL(url).port) });
  lines.push(made);
  return made;
}

const submit = async (api: Client, handler: string): Promise<string> =>
  (await api.jobs.submit({ name: handler, executor: "handler", spec: { handler } })).id;
const begun = (at: Stranger, count: number): Promise<void> =>
  vi.waitFor(() => expect(effects(at).filter((text) => text.startsWith("begun"))).toHaveLength(count));

test("a worker that is told to end lets its handlers finish", async () => {
  const server = await here.server();
  const api = client({ url: server.url, token: tokenOf(here) });
  const one = await working(here, server.url);
  const id = await submit(api, "slow");
  await begun(here, 1);
  one.kill("SIGTERM");
  await until(one, "Stopping");
  here.write("go", "");
  expect((await one.ended).code).toBe(0);
  expect(await api.wait(id)).toMatchObject({ state: "succeeded", output: { attempt: 1 } });
  expect(effects(here)).toEqual([`begun ${id} 1`, `done ${id} 1`]);
});

test("from the command line a parked job is ended with its completion token, and what happened to it is listed", async () => {
  here.write(
    "park.ts",
    `import { writeFileSync } from "node:fs";
import { parked } from ${JSON.stringify(join(import.meta.dirname, "../../packages/sdk/src/index.ts"))};
export const handlers = {
  asks: async ({ completionToken }) => { writeFileSync("completion", await completionToken()); return parked(); },
};
`,
  );
  const { url } = await here.server();
  const worker = here.start(["worker", "--handlers", "park.ts", "--server", url, "--token", tokenOf(here)]);
  await until(worker, "A worker of");
  const { stdout } = await here.windlass("jobs", "submit", "--handler", "asks", "--json");
  const { id } = JSON.parse(stdout) as { id: string };
  await vi.waitFor(async () => expect((await here.windlass("jobs", "get", id)).stdout).toContain("waiting"));
  expect(await here.windlass("jobs", "complete", "no-token")).toMatchObject({ code: 3 });
  expect(await here.windlass("jobs", "complete", "x", "--payload", "1", "--failed", "no")).toMatchObject({ code: 2 });
  const done = await here.windlass("jobs", "complete", here.read("completion"), "--payload", '{"approved": true}', "--json");
  expect(JSON.parse(done.stdout)).toMatchObject({ id, state: "succeeded", output: { approved: true } });
  const events = JSON.parse((await here.windlass("jobs", "events", id, "--json")).stdout) as {
    readonly items: { readonly type: string }[];
  };
  expect(events.items.map(({ type }) => type)).toEqual(["job.submitted", "job.started", "job.waiting", "job.finished"]);
  const first = await here.windlass("jobs", "events", id, "-n", "1");
  expect(first).toMatchObject({ stdout: expect.stringContaining("job.submitted"), stderr: expect.stringContaining("--after 1") });
  worker.kill("SIGTERM");
  await worker.ended;
});

test("a worker serves the workspace that it was told", async () => {
  const server = await here.server();
  await here.windlass("workspaces", "create", "acme");
  const one = await working(here, server.url, ["--workspace", "acme"]);
  const made = await here.windlass("jobs", "submit", "--workspace", "acme", "--handler", "quick", "--wait");
  expect([made.code, made.stderr]).toEqual([0, expect.any(String)]);
  one.kill("SIGTERM");
  expect((await one.ended).code).toBe(0);
});

test("a worker that is killed loses its jobs to the next attempt, with another worker", async () => {
  const server = await here.server();
  const api = client({ url: server.url, token: tokenOf(here) });
  const one = await working(here, server.url, SOON_LOST);
  const id = await submit(api, "slow");
  await begun(here, 1);
  one.kill("SIGKILL");
  await working(here, server.url);
  await begun(here, 2);
  here.write("go", "");
  expect(await api.wait(id)).toMatchObject({ state: "succeeded", output: { attempt: 2 }, attempts: 2 });
  expect(effects(here)).toEqual([`begun ${id} 1`, `begun ${id} 2`, `done ${id} 2`]);
});

test("a worker that was frozen for too long stops its handlers when it wakes, and writes nothing", async () => {
  const server = await here.server();
  const api = client({ url: server.url, token: tokenOf(here) });
  const one = await working(here, server.url, SOON_LOST);
  const id = await submit(api, "slow");
  await begun(here, 1);
  one.kill("SIGSTOP");
  const other = await working(here, server.url);
  await begun(here, 2);
  one.kill("SIGCONT");
  await until(one, "the session was lost");
  here.write("go", "");
  expect(await api.wait(id)).toMatchObject({ state: "succeeded", output: { attempt: 2 } });
  expect(effects(here)).toEqual([`begun ${id} 1`, `begun ${id} 2`, `done ${id} 2`]);
  other.kill("SIGTERM");
  await other.ended;
});

test("a server that is killed and started again finds its workers at work, and takes what they have done", async () => {
  const first = await here.server();
  const between = await lineTo(first.url);
  const one = await working(here, between.url, ["--session-ttl", "60s"]);
  const slow = await submit(client({ url: first.url, token: tokenOf(here) }), "slow");
  await begun(here, 1);
  first.kill("SIGKILL");
  await first.ended;
  here.write("go", "");
  await vi.waitFor(() => expect(effects(here)).toHaveLength(2));
  const second = await here.server();
  between.redirect(Number(new URL(second.url).port));
  const api = client({ url: second.url, token: tokenOf(here) });
  expect(await api.wait(slow)).toMatchObject({ state: "succeeded", output: { attempt: 1 }, attempts: 1 });
  const more = await Promise.all(Array.from({ length: 50 }, () => submit(api, "quick")));
  for (const id of more) expect(await api.wait(id)).toMatchObject({ state: "succeeded", attempts: 1 });
  expect(effects(here)).toHaveLength(2 + 2 * more.length);
  expect(one.printed()).not.toContain("lost");
});

test("what cannot be run is told at once, with the way out", async () => {
  const missing = await here.windlass("worker", "--handlers", "handler.ts");
  expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining("there is no file handler.ts")]);
  here.write("empty.ts", "export const one = 1;");
  const empty = await here.windlass("worker", "--handlers", "empty.ts");
  expect([empty.code, empty.stderr]).toEqual([2, expect.stringContaining("empty.ts exports no handler (it exports one)")]);
  const server = await here.server();
  const refused = await here.windlass("worker", "--handlers", "handlers.ts", "--server", server.url, "--token", "nobody-knows-this-token");
  expect(refused.code).toBe(4);
});

test("a worker of a data folder waits for its server, and finds it again at another address", async () => {
  const one = here.start(["worker", "--handlers", "handlers.ts", "--data", "team"]);
  await until(one, "no server runs for the data folder");
  expect(one.printed()).toContain(`start one with "windlass server --data ${join(here.folder, "team")}"`);
  const asked = await here.windlass("jobs", "list", "--data", "team");
  expect([asked.code, asked.stderr]).toEqual([5, expect.stringContaining("no server runs for the data folder")]);
  const first = await here.server("--data", "team");
  await until(one, `A worker of ${first.url} serves`);
  first.kill("SIGTERM");
  await first.ended;
  const second = await here.server("--data", "team");
  expect(second.url).not.toBe(first.url);
  await until(one, `connected again to ${second.url}`);
  const api = client({ url: second.url, token: here.read(join("team", "token")).trim() });
  expect(await api.wait(await submit(api, "quick"))).toMatchObject({ state: "succeeded" });
});

test("a worker names the server that it is connected to, also when its data folder names another by then", async () => {
  const server = await here.server();
  const address = (url: string): void => here.write(join("team", "server.json"), JSON.stringify({ url, pid: 1, role: "server" }));
  const between = await spoiledLine(Number(new URL(server.url).port), (frame, direction) => {
    if (direction === "to worker") address("http://127.0.0.1:1");
    return [frame];
  });
  lines.push(between);
  mkdirSync(join(here.folder, "team"));
  address(between.url);
  const one = here.start(["worker", "--handlers", "handlers.ts", "--data", "team", "--token", tokenOf(here)]);
  await until(one, "A worker of");
  expect(one.printed()).toContain(`A worker of ${between.url} `);
});

const postgres = testPostgres();

describe.skipIf(postgres.missing)("two servers on one PostgreSQL", () => {
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());

  test("a worker whose server is killed goes on at the other, under its session", async () => {
    const store = await postgres.schema();
    const there = stranger();
    try {
      const first = await here.server("--store", store);
      // Both servers know the token of the first.
      mkdirSync(join(there.folder, ".windlass"));
      there.write(join(".windlass", "token"), tokenOf(here));
      const second = await there.server("--store", store);
      const between = await lineTo(first.url);
      const one = await working(here, between.url, ["--session-ttl", "60s"]);
      const api = client({ url: second.url, token: tokenOf(here) });
      const id = await submit(api, "slow");
      await begun(here, 1);
      first.kill("SIGKILL");
      await first.ended;
      between.redirect(Number(new URL(second.url).port));
      await until(one, "connected again");
      here.write("go", "");
      expect(await api.wait(id)).toMatchObject({ state: "succeeded", attempts: 1 });
      const more = await Promise.all(Array.from({ length: 50 }, () => submit(api, "quick")));
      for (const quick of more) expect(await api.wait(quick)).toMatchObject({ state: "succeeded", attempts: 1 });
      expect(effects(here)).toHaveLength(2 + 2 * more.length);
    } finally {
      await there.leave();
    }
  });
});
