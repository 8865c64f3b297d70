/** Signals, kills and who takes over: what was acknowledged goes on, and its end is told with its exit code. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { stranger, until, workflowOf, type Stranger } from "./stranger.ts";

const INTERRUPTED = 130;
const here: Stranger[] = [];
const arrive = (): Stranger => {
  const one = stranger();
  here.push(one);
  return one;
};
afterEach(async () => {
  for (const one of here.splice(0)) await one.leave();
});

/** Runs until the file `go` is there: no test depends on how fast this machine is. */
const gated = (me: Stranger, then: string): string => `echo begun; until [ -e '${join(me.folder, "go")}' ]; do sleep 0.05; done; ${then}`;

test("Ctrl-C ends the waiting and not the job, and says how to go on", async () => {
  const me = arrive();
  await me.server();
  me.write("slow.yaml", workflowOf("slow", gated(me, "echo over")));
  const run = me.start(["run", "slow.yaml", "--watch"]);
  await until(run, "work │ begun");
  run.kill("SIGINT");
  const { code, stderr } = await run.ended;
  expect(code).toBe(INTERRUPTED);
  expect(stderr).toMatch(/goes on[^]*windlass jobs watch job_\w+[^]*windlass cancel job_\w+/u);
  me.write("go", "");
  expect((await me.windlass("jobs", "watch", "last")).code).toBe(0);
});

test("a server that is killed loses nothing: the next one has the exit code of what ended meanwhile", async () => {
  const me = arrive();
  const first = await me.server();
  const submitted = await me.windlass("jobs", "submit", "--json", "--", "sh", "-c", gated(me, "exit 7"));
  const { id } = JSON.parse(submitted.stdout) as { id: string };
  const following = me.start(["logs", "-f", id]);
  await until(following, "begun");
  first.kill("SIGKILL");
  await first.ended;
  await until(following, "is gone for the moment; trying again");
  const alone = await me.windlass("jobs", "get", id);
  expect(alone.code).toBe(5);
  expect(alone.stderr).toMatch(
    /the last server of the data folder \S+\.windlass \(process \d+\) ended without tidying up: .*windlass server/u,
  );
  me.write("go", "");
  await me.server();
  const watched = await me.windlass("jobs", "watch", id, "--json");
  expect(watched.code).toBe(1);
  expect(JSON.parse(watched.stdout)).toMatchObject({ id, state: "failed", outcome: "failed", exitCode: 7, attempts: 1 });
});

test("a server that is told to end does so well, removes its address, and leaves what runs to the next", async () => {
  const me = arrive();
  const first = await me.server();
  await me.windlass("jobs", "submit", "--json", "--", "sh", "-c", gated(me, "echo over"));
  await until(me.start(["logs", "-f", "last"]), "begun");
  first.kill("SIGTERM");
  expect((await first.ended).code).toBe(0);
  expect(existsSync(join(me.folder, ".windlass", "server.json"))).toBe(false);
  me.write("go", "");
  await me.server();
  expect((await me.windlass("jobs", "watch", "last")).code).toBe(0);
});

test("run --local beside a server is its client", async () => {
  const me = arrive();
  await me.server();
  me.write("one.yaml", workflowOf("one", "echo one"));
  const run = await me.windlass("run", "one.yaml", "--local");
  expect(run.code).toBe(0);
  expect(run.stdout).toContain("work │ one");
  expect(JSON.parse((await me.windlass("jobs", "list", "--json")).stdout)).toMatchObject({ items: [{ name: "one", state: "succeeded" }] });
});

test("two local runs share the folder: the second takes over when the first is killed", async () => {
  const me = arrive();
  me.write("slow.yaml", workflowOf("slow", gated(me, "echo over")));
  const first = me.start(["run", "slow.yaml", "--local"]);
  await until(first, "work │ begun");
  const second = me.start(["run", "slow.yaml", "--local"]);
  await until(second, "work │ begun");
  first.kill("SIGKILL");
  await first.ended;
  me.write("go", "");
  const { code, stdout } = await second.ended;
  expect(code).toBe(0);
  expect(stdout).toMatch(/✓ slow job_\w+ succeeded/u);
});

test("Ctrl-C of a local run cancels its job", async () => {
  const me = arrive();
  me.write("slow.yaml", workflowOf("slow", gated(me, "echo over")));
  const run = me.start(["run", "slow.yaml", "--local"]);
  await until(run, "work │ begun");
  run.kill("SIGINT");
  const { code, stdout } = await run.ended;
  expect(code).toBe(INTERRUPTED);
  expect(stdout).toMatch(/■ slow job_\w+ cancelled/u);
  expect(stdout).not.toContain("over");
});
