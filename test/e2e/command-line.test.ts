/** What all commands have in common: formats, watching, leaving, ends of pipes. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../architecture/source-files.ts";
import { stranger, until, type Running, type Server, type Stranger } from "./stranger.ts";

let me: Stranger;
let server: Server;
const INTERRUPTED = 130;

beforeAll(async () => {
  me = stranger();
  server = await me.server();
  await me.windlass("jobs", "submit", "--name", "first", "--wait", "--", "true");
});

afterAll(async () => {
  server.kill("SIGTERM");
  await server.ended;
  await me.leave();
});

const submitted = (...args: readonly string[]): Promise<string> =>
  me.windlass("jobs", "submit", "-o", "name", ...args).then(({ stdout }) => stdout.trim());

test("every list and every object has every format", async () => {
  const id = (await me.windlass("jobs", "list", "--name", "first", "-o", "name")).stdout.trim();
  expect(id).toMatch(/^job_\w{26}$/u);
  expect((await me.windlass("jobs", "get", id, "-o", "name")).stdout).toBe(`${id}\n`);
  expect((await me.windlass("queues", "resume", "default", "-o", "name")).stdout).toBe("default\n");
  expect((await me.windlass("queues", "list", "-o", "name")).stdout).toBe("default\n");
  expect(JSON.parse((await me.windlass("queues", "get", "default", "--json")).stdout)).toMatchObject({ name: "default" });
  expect((await me.windlass("queues", "get", "default", "-o", "yaml")).stdout).toContain("name: default\n");
  expect((await me.windlass("jobs", "list", "-o", "wide")).stdout).toMatch(/CREATED .*\n.* \d{4}-\d\d-\d\dT[\d:.]+Z/u);
});

test("a list that is watched in a pipe tells what changes once, and says how to come back", async () => {
  const watching = me.start(["jobs", "list", "-w", "--queue", "watched"]);
  const asJson = me.start(["jobs", "list", "-w", "--queue", "watched", "--json"]);
  const id = await submitted("--queue", "watched", "--wait", "--", "true");
  await Promise.all([until(watching, "succeeded"), until(asJson, "succeeded")]);
  const [told, objects] = [await interrupt(watching), await interrupt(asJson)];
  const rows = told.stdout.trimEnd().split("\n");
  expect(rows[0]).toMatch(/^ID .*STATE/u);
  expect(rows.filter((row) => row.startsWith("ID"))).toHaveLength(1);
  expect(rows.filter((row) => row.includes("succeeded"))).toEqual([expect.stringContaining(id)]);
  expect(told.stdout).not.toContain("\u001B");
  expect(told.stderr).toContain("Come back with: windlass jobs list -w --queue watched");
  const states = objects.stdout
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { state: string }).state);
  expect(new Set(states).size).toBe(states.length);
  expect(states.at(-1)).toBe("succeeded");
});

test("events are followed one by one, and whoever leaves is told where to go on", async () => {
  const watching = me.start(["events", "list", "-w", "--type", "job.finished", "--after", "0"]);
  const asJson = me.start(["events", "list", "-w", "--type=job.finished", "--after=0", "--json"]);
  await Promise.all([until(watching, "job.finished"), until(asJson, "job.finished")]);
  const id = await submitted("--queue", "told", "--wait", "--", "true");
  await Promise.all([until(watching, id), until(asJson, id)]);
  const [told, objects] = [await interrupt(watching), await interrupt(asJson)];
  const rows = told.stdout.trimEnd().split("\n");
  expect(rows[0]).toMatch(/^AT +EVENT +JOB/u);
  expect(rows.filter((row) => row.includes(id))).toHaveLength(1);
  const events = objects.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { jobId: string; position: string });
  expect(events).toHaveLength(rows.length - 1);
  const { jobId, position } = events.at(-1) ?? expect.fail("nothing was told");
  expect(jobId).toBe(id);
  expect(told.stderr).toContain(`Come back with: windlass events list -w --type job.finished --after ${position}\n`);
  expect(objects.stderr).toContain(`Come back with: windlass events list -w --type=job.finished --json --after ${position}\n`);
  const page = await me.windlass("events", "list", "-w", "--limit", "3");
  expect([page.code, page.stderr]).toEqual([2, expect.stringContaining("--watch has no end")]);
  expect((await me.windlass("events", "list", "-w", "-o", "name")).stderr).toContain("no names to print");
});

test("one who stops reading or waiting is told how to come back, and the job goes on", async () => {
  const id = await submitted("--", "sh", "-c", "echo begun; exec sleep 600");
  const reading = me.start(["logs", "-f", id]);
  await until(reading, "begun");
  const waiting = me.start(["jobs", "watch", id]);
  await until(waiting, "begun");
  expect((await interrupt(reading)).stderr).toContain(`Come back with: windlass logs -f ${id}`);
  expect((await interrupt(waiting)).stderr).toContain(`windlass jobs watch ${id}`);
  expect(JSON.parse((await me.windlass("jobs", "get", id, "--json")).stdout)).toMatchObject({ state: "running" });
  await me.windlass("cancel", id, "--wait", "--grace", "1s");
});

test("whoever reads no further ends a command quietly", () => {
  const program = join(root, "programs", "cli", "bin", "windlass.js");
  const { stdout, stderr } = spawnSync("bash", ["-c", `"${process.execPath}" "${program}" jobs list --all --json | head -n 1`], {
    cwd: me.folder,
    encoding: "utf8",
  });
  expect([stdout, stderr]).toEqual(["{\n", ""]);
});

test.skipIf(!existsSync("/dev/full"))("what cannot be written where it was sent is no success", () => {
  const program = join(root, "programs", "cli", "bin", "windlass.js");
  const { status, stderr } = spawnSync("bash", ["-c", `"${process.execPath}" "${program}" jobs list --all --json > /dev/full`], {
    cwd: me.folder,
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([5, expect.stringContaining("could not be written: ENOSPC")]);
});

async function interrupt(one: Running): Promise<{ readonly stdout: string; readonly stderr: string }> {
  one.kill("SIGINT");
  const ended = await one.ended;
  expect(ended.code).toBe(INTERRUPTED);
  return ended;
}
