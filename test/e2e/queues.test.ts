/** Queues from the command line: at the wrong time, by the wrong name, and left in the middle. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { stranger, until, type Server, type Stranger } from "./stranger.ts";

let me: Stranger;
let server: Server;
let id = "";

const [USAGE, NOT_FOUND, REFUSED, TIMED_OUT, INTERRUPTED] = [2, 3, 4, 5, 130];

beforeAll(async () => {
  me = stranger();
  server = await me.server();
  id = (await me.windlass("jobs", "submit", "--queue", "mail", "-o", "name", "--", "sleep", "300")).stdout.trim();
  const running = me.start(["jobs", "get", id, "-w"]);
  await until(running, "running");
  running.kill("SIGINT");
  await running.ended;
});

afterAll(async () => {
  server.kill("SIGTERM");
  await server.ended;
  await me.leave();
});

test("a drain tells what still runs, and waits as long as it is asked to", async () => {
  const drained = await me.windlass("queues", "drain", "mail");
  expect([drained.code, drained.stdout]).toEqual([0, "queue mail starts nothing more; 1 attempt still runs\n"]);
  const late = await me.windlass("queues", "drain", "mail", "--wait", "--timeout", "100ms");
  expect([late.code, late.stderr]).toEqual([TIMED_OUT, expect.stringContaining("1 attempt still runs in queue mail; it stays paused")]);
  const unclear = await me.windlass("queues", "drain", "mail", "--timeout", "1s");
  expect([unclear.code, unclear.stderr]).toEqual([USAGE, expect.stringContaining("add --wait")]);
});

test("a drain that somebody undoes, or that is left, says so", async () => {
  const undone = me.start(["queues", "drain", "mail", "--wait"]);
  await until(undone, "Waiting: 1 attempt still runs");
  await me.windlass("queues", "resume", "mail");
  expect(await undone.ended).toMatchObject({ code: REFUSED, stderr: expect.stringContaining("queue mail was resumed meanwhile") });
  const left = me.start(["queues", "drain", "mail", "--wait"]);
  await until(left, "Waiting: 1 attempt still runs");
  left.kill("SIGINT");
  const { code, stderr } = await left.ended;
  expect([code, stderr]).toEqual([
    INTERRUPTED,
    expect.stringContaining("queue mail stays paused. Come back with: windlass queues drain mail --wait"),
  ]);
  expect(JSON.parse((await me.windlass("queues", "get", "mail", "--json")).stdout)).toMatchObject({ paused: true });
});

test("a name that was mistyped is no queue: it is not drained, and whoever sets it is told", async () => {
  const drained = await me.windlass("queues", "drain", "mial", "--wait");
  expect([drained.code, drained.stderr]).toEqual([NOT_FOUND, expect.stringContaining('there is no queue mial; did you mean "mail"?')]);
  expect((await me.windlass("queues", "get", "mial")).code).toBe(NOT_FOUND);
  const paused = await me.windlass("queues", "pause", "mial");
  expect([paused.code, paused.stderr]).toEqual([0, 'Until now there was no queue mial; did you mean "mail"?\n']);
  expect((await me.windlass("queues", "limit", "mial", "5")).stderr).toBe("");
  expect((await me.windlass("queues", "delete", "mial")).stdout).toBe("what was set of queue mial is forgotten\n");
  expect((await me.windlass("queues", "pause", "later", "--json")).stderr).toBe("");
});

test("a drain ends with what runs", async () => {
  const waiting = me.start(["queues", "drain", "mail", "--wait"]);
  await until(waiting, "Waiting: 1 attempt still runs");
  await me.windlass("cancel", id, "--grace", "0");
  expect(await waiting.ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^queue mail is drained: nothing of it runs/u) });
});
