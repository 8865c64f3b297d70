/** The patterns of the cookbook, on a real server: each file of examples/cookbook does what docs/guides/cookbook.md says of it. */
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { client } from "@windlass/sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../architecture/source-files.ts";
import { stranger, until, type Server, type Stranger } from "./stranger.ts";

const FOLDER = join(root, "examples", "cookbook");
const file = (name: string): string => join(FOLDER, `${name}.yaml`);
const PAGE = readFileSync(join(root, "docs", "guides", "cookbook.md"), "utf8");

let me: Stranger;
let server: Server;
beforeAll(async () => {
  me = stranger();
  server = await me.serverWith({ WINDLASS_HTTP_ALLOW: "loopback" });
});
afterAll(() => me.leave());

interface Told {
  readonly id: string;
  readonly state: string;
  readonly output: unknown;
  readonly steps: readonly { readonly name: string; readonly state: string; readonly attempts: number }[];
}

/** Runs a file, or what was applied, to its end. */
async function run(what: string, ...options: readonly string[]): Promise<Told> {
  const { stdout, stderr } = await me.windlass("run", what, ...options, "--wait", "--json");
  if (stdout === "") throw new Error(stderr);
  return told((JSON.parse(stdout) as { id: string }).id);
}

async function told(id: string): Promise<Told> {
  return JSON.parse((await me.windlass("jobs", "get", id, "--json")).stdout) as Told;
}

/** Starts one whose step waits; resolves when it does. */
async function waiting(what: string, step: string, ...options: readonly string[]): Promise<string> {
  const { id } = JSON.parse((await me.windlass("run", what, ...options, "--json")).stdout) as { id: string };
  const watch = me.start(["jobs", "list", "--all", "--state", "waiting", "--watch"]);
  await until(watch, step);
  watch.kill("SIGINT");
  await watch.ended;
  return id;
}

const stateOf = ({ steps }: Told): Record<string, string> => Object.fromEntries(steps.map(({ name, state }) => [name, state]));

test("the page shows every file as it is, and this test runs every file", () => {
  const files = readdirSync(FOLDER);
  expect(files.length).toBeGreaterThanOrEqual(10);
  const shown = [...PAGE.matchAll(/^```yaml\n([^]*?)^```$/gmu)].map((match) => match[1]);
  // Without the comment that a file begins with: the page says it in its own words.
  const whole = files.map((name) => readFileSync(join(FOLDER, name), "utf8").replace(/^(#.*\n)+/u, ""));
  expect(new Set(shown)).toEqual(new Set(whole));
  const here = readFileSync(join(root, "test", "e2e", "cookbook.test.ts"), "utf8");
  for (const name of files) {
    expect(PAGE, name).toContain(`../../examples/cookbook/${name})`);
    expect(here, name).toContain(`file("${name.replace(".yaml", "")}")`);
  }
});

test("fan-out, fan-in: the last step adds up what the items found", async () => {
  const done = await run(file("fan-out"), "-i", 'regions=["north", "south", "west"]');
  expect(done).toMatchObject({ state: "succeeded", output: { rows: 14, regions: ["north", "south", "west"] } });
});

test("more memory: the attempt after one that had too little has enough", async () => {
  const done = await run(file("more-memory"));
  expect(done).toMatchObject({ state: "succeeded", steps: [{ name: "crunch", attempts: 2 }] });
});

test("approval: what was approved is released under the name of who did it; what was rejected is put away", async () => {
  const good = await waiting(file("approval"), "decision", "-i", "version=1.4.0");
  expect((await me.windlass("approve", good, "--comment", "numbers checked")).code).toBe(0);
  await me.windlass("jobs", "watch", good);
  expect(await told(good)).toMatchObject({ state: "succeeded", output: { released: true } });
  expect((await me.windlass("logs", good)).stdout).toContain("released 1.4.0 for admin");
  const bad = await waiting(file("approval"), "decision");
  expect((await me.windlass("reject", bad, "--comment", "not on a Friday")).code).toBe(0);
  await me.windlass("jobs", "watch", bad);
  const put = await told(bad);
  expect([put.state, put.output, stateOf(put)]).toMatchObject([
    "succeeded",
    { released: false },
    { decision: "failed", release: "skipped" },
  ]);
  expect((await me.windlass("logs", bad)).stdout).toContain("put away: not on a Friday");
});

test("nightly chain: a night that is started twice is one execution", async () => {
  expect((await me.windlass("workflows", "apply", file("nightly"))).code).toBe(0);
  const line = ["nightly", "-i", "day=2026-01-31", "--idempotency-key", "nightly-2026-01-31"] as const;
  const [first, again] = [await run(...line), await run(...line)];
  expect(first).toMatchObject({ state: "succeeded", output: { day: "2026-01-31", rows: [1, 2, 3] } });
  expect(again.id).toBe(first.id);
  expect((await run("nightly", "-i", "day=2026-02-01", "--idempotency-key", "nightly-2026-02-01")).id).not.toBe(first.id);
});

test("sub-workflow: each name is an execution of its own below", async () => {
  expect((await me.windlass("workflows", "apply", file("greet-one"))).code).toBe(0);
  expect(await run(file("sub-workflow"))).toMatchObject({ state: "succeeded", output: { texts: ["Hello, Ada", "Hello, Grace"] } });
});

test("signal: it goes on with what the signal brought, and refuses one without it", async () => {
  const id = await waiting(file("signal"), "arrival");
  expect((await me.windlass("signal", id, "file-arrived", "--payload", "{}")).code).toBe(2);
  expect((await me.windlass("signal", id, "file-arrived", "--payload", '{"path": "in/orders.csv"}')).code).toBe(0);
  await me.windlass("jobs", "watch", id);
  expect(await told(id)).toMatchObject({ state: "succeeded", output: { path: "in/orders.csv" } });
});

test("rate-limited calls: the API is not called faster than its queue allows, and a call it refuses comes again", async () => {
  let [calls, refusals] = [0, 1];
  const api = createServer((request, response) => {
    calls++;
    if (refusals-- > 0) response.writeHead(429, { "retry-after": "1" }).end();
    else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ name: `item ${request.url?.at(-1) ?? ""}` }));
  });
  api.listen(0, "127.0.0.1");
  await once(api, "listening");
  try {
    expect((await me.windlass("queues", "set", "api", "--rate", "2/s")).code).toBe(0);
    const base = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
    const done = await run(file("rate-limited"), "-i", `base=${base}`, "-i", "ids=[1, 2, 3, 4, 5, 6]");
    expect(done.output).toEqual({ names: [1, 2, 3, 4, 5, 6].map((id) => `item ${id}`) });
    expect(calls).toBe(7);
    // Two at once and then two a second: the seventh begins two and a half seconds after the first, however late each arrives.
    const { jobs } = client({ url: server.url, token: me.read(".windlass/token").trim() });
    const called = (await jobs.list({ rootId: done.id })).items.filter(({ key }) => key?.startsWith("read[") === true);
    const attempts = (await Promise.all(called.map(({ id }) => jobs.attempts({ id })))).flatMap(({ items }) => items);
    const begun = attempts.map(({ startedAt }) => Date.parse(startedAt));
    expect(begun).toHaveLength(7);
    expect(Math.max(...begun) - Math.min(...begun)).toBeGreaterThan(1500);
  } finally {
    api.closeAllConnections();
    api.close();
  }
});

test("branch: success, a code that means something, and every other failure go three ways", async () => {
  const well = await run(file("branch"));
  expect([well.state, stateOf(well)]).toEqual([
    "succeeded",
    { check: "succeeded", publish: "succeeded", "use-yesterday": "skipped", alert: "skipped" },
  ]);
  const nothing = await run(file("branch"), "-i", "code=4");
  expect([nothing.state, stateOf(nothing)]).toEqual([
    "succeeded",
    { check: "failed", publish: "skipped", "use-yesterday": "succeeded", alert: "skipped" },
  ]);
  const bad = await run(file("branch"), "-i", "code=7");
  expect([bad.state, stateOf(bad)]).toEqual([
    "failed",
    { check: "failed", publish: "skipped", "use-yesterday": "skipped", alert: "succeeded" },
  ]);
});

test("clean-up: the folder is gone after success and after a failure", async () => {
  const folder = join(me.folder, "work");
  for (const [fails, state] of [
    ["false", "succeeded"],
    ["true", "failed"],
  ] as const) {
    const done = await run(file("clean-up"), "-i", `folder=${folder}`, "-i", `fails=${fails}`);
    expect(done.state).toBe(state);
    expect((await me.windlass("logs", done.id)).stdout).toContain(`cleaned up after: ${state}`);
    expect(existsSync(folder)).toBe(false);
  }
});

test("map over files: each is worked on, in the order of the list", async () => {
  me.write("a.txt", "one\n");
  me.write("b.txt", "one two three\n");
  const done = await run(file("map-files"), "-i", `folder=${me.folder}`, "-i", "pattern=*.txt");
  expect(done).toMatchObject({ state: "succeeded", output: { files: ["a.txt", "b.txt"], words: [1, 3] } });
});
