/** Steps that run at the end, also after a cancel and in a workflow that another one runs. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { stranger, until, type Stranger } from "./stranger.ts";

const here: Stranger[] = [];
afterEach(async () => {
  for (const one of here.splice(0)) await one.leave();
});

const HEAD = "apiVersion: windlass.dev/v1\nkind: Workflow\n";

test("a cancelled execution cleans up before it has ended, and so does the one below it", async () => {
  const me = stranger();
  here.push(me);
  await me.server();
  const file = (name: string): string => join(me.folder, name);
  me.write(
    "inner.yaml",
    `${HEAD}metadata: {name: inner}
steps: [{name: long, tool: {kind: shell, script: "echo begun; sleep 600"}}]
finally: [{name: clean, tool: {kind: shell, script: "echo {{ long.outcome }} > ${file("inner")}"}}]\n`,
  );
  me.write(
    "outer.yaml",
    `${HEAD}metadata: {name: outer}
steps: [{name: call, tool: {kind: workflow, name: inner}}]
finally: [{name: clean, tool: {kind: shell, script: "echo {{ call.outcome }} > ${file("outer")}"}}]\n`,
  );
  await me.windlass("workflows", "apply", "inner.yaml");
  const run = me.start(["run", "outer.yaml", "--watch", "--json"]);
  await until(me.start(["jobs", "list", "--all", "--state", "running", "--watch"]), "long");
  expect((await me.windlass("cancel", "last", "--wait")).code).toBe(0);
  expect((await run.ended).code).toBe(1);
  expect([me.read("inner"), me.read("outer")]).toEqual(["cancelled\n", "cancelled\n"]);
});

test("steps at the end run once after success, and their failure counts", async () => {
  const me = stranger();
  here.push(me);
  await me.server();
  const text = (last: string): string =>
    `${HEAD}metadata: {name: f}\nsteps: [{name: work, tool: {kind: noop}}]\nfinally: [{name: last, tool: {kind: shell, script: "${last}"}}]\n`;
  me.write("good.yaml", text(`touch ${join(me.folder, "done")}`));
  me.write("bad.yaml", text("exit 3"));
  expect((await me.windlass("run", "good.yaml", "--wait")).code).toBe(0);
  expect(existsSync(join(me.folder, "done"))).toBe(true);
  const bad = await me.windlass("run", "bad.yaml", "--wait", "--json");
  expect(JSON.parse(bad.stdout)).toMatchObject({
    state: "failed",
    message: expect.stringContaining("finally: step last ended as failed") as string,
  });
});

test("an execution that takes longer than its time cleans up before it has ended, and keeps the outcome of its time limit", async () => {
  const me = stranger();
  here.push(me);
  await me.server();
  me.write(
    "slow.yaml",
    `${HEAD}metadata: {name: slow}
timeout_seconds: 2
steps: [{name: long, tool: {kind: shell, script: "sleep 600"}}]
finally: [{name: clean, tool: {kind: shell, script: "echo {{ long.outcome }} > ${join(me.folder, "cleaned")}"}}]\n`,
  );
  const run = await me.windlass("run", "slow.yaml", "--wait", "--json");
  expect(JSON.parse(run.stdout)).toMatchObject({ state: "failed", outcome: "failed_timeout", reason: "execution_timeout" });
  expect(me.read("cleaned")).toBe("cancelled\n");
});
