/** Executions that wait for somebody: signals that come before and after, approvals by a person, and what explain says. */
import { client } from "@windlass/sdk";
import { afterEach, expect, test } from "vitest";
import { stranger, until, type Stranger } from "./stranger.ts";

const here: Stranger[] = [];
const arrive = (): Stranger => {
  const one = stranger();
  here.push(one);
  return one;
};
afterEach(async () => {
  for (const one of here.splice(0)) await one.leave();
});

const HEAD = "apiVersion: windlass.dev/v1\nkind: Workflow\n";
const FILES = `${HEAD}metadata: {name: files}
steps:
  - name: arrived
    tool: {kind: wait, signal: file, schema: &file {type: object, required: [path], properties: {path: {type: string}}}}
  - {name: again, needs: [arrived], tool: {kind: wait, signal: file, schema: *file}}
  - {name: read, needs: [again], tool: {kind: shell, script: "echo '{{ arrived.path }} {{ again.path }}'"}}
output: {first: "{{ arrived.path }}", second: "{{ again.output.path }}"}
`;
const SHIP = `${HEAD}metadata: {name: ship}
steps:
  - {name: ask, tool: {kind: wait, approval: {text: "ship it?"}}}
  - {name: do, needs: [ask], tool: {kind: shell, script: "echo shipped for {{ ask.by }}"}}
  - {name: tell, needs: [ask], when: "ask.reason == 'rejected'", handles: [], tool: {kind: shell, script: "echo {{ ask.output.comment }}"}}
output: {by: "{{ ask.by }}"}
`;

const idOf = (stdout: string): string => (JSON.parse(stdout) as { id: string }).id;

test("a signal that comes before its step waits is kept; each is used once; what does not fit is refused", async () => {
  const me = arrive();
  await me.server();
  me.write("files.yaml", FILES);
  const id = idOf((await me.windlass("run", "files.yaml", "--json")).stdout);
  const wrong = await me.windlass("signal", id, "file", "--payload", '{"path": 3}');
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("data.path")]);
  expect((await me.windlass("signal", id, "flie")).stderr).toContain('nothing waits for a signal "flie"');
  for (const path of ["a.csv", "b.csv"]) expect((await me.windlass("signal", id, "file", "--payload", `{"path": "${path}"}`)).code).toBe(0);
  const done = await me.windlass("jobs", "watch", id, "--json");
  expect(JSON.parse(done.stdout)).toMatchObject({ state: "succeeded", output: { first: "a.csv", second: "b.csv" } });
  expect((await me.windlass("signal", id, "file")).stderr).toContain("has ended");
});

test("of many that are signalled as soon as they are submitted each goes on", async () => {
  const me = arrive();
  const server = await me.server();
  const api = client({ url: server.url, token: me.read(".windlass/token").trim() });
  const source = `${HEAD}metadata: {name: hasty}\nsteps: [{name: arrived, tool: {kind: wait, signal: file}}]\noutput: "{{ arrived.output }}"\n`;
  const lanes = Array.from({ length: 10 }, async (_, lane) => {
    for (let turn = 0; turn < 20; turn++) {
      const { job } = await api.workflows.run({ source });
      await api.jobs.signal({ id: job.id, name: "file", data: { lane, turn } });
      expect((await api.wait(job.id)).output).toEqual({ lane, turn });
    }
  });
  await Promise.all(lanes);
});

test("what waits for an approval holds nothing, is explained, and is decided once", async () => {
  const me = arrive();
  await me.server();
  me.write("ship.yaml", SHIP);
  const run = me.start(["run", "ship.yaml", "--watch", "--json"]);
  const id = await waitingId(me);
  expect((await me.windlass("explain", id)).stdout).toMatch(
    /waits for the approval of somebody who may approve: ship it\?[^]*windlass approve/u,
  );
  expect((await me.windlass("approve", id, "--comment", "looks good")).code).toBe(0);
  expect((await run.ended).code).toBe(0);
  expect(JSON.parse((await me.windlass("jobs", "get", id, "--json")).stdout)).toMatchObject({ output: { by: "admin" } });
  const late = await me.windlass("reject", id, "--step", "ask");
  expect([late.code, late.stderr]).toEqual([4, expect.stringMatching(/ask was approved by admin at 20/u)]);
  expect((await me.windlass("approve", id, "--step", "ask")).code).toBe(0);
});

test("a rejected step has failed, and steps can tell", async () => {
  const me = arrive();
  await me.server();
  me.write("ship.yaml", SHIP);
  await me.windlass("run", "ship.yaml");
  const id = await waitingId(me);
  await me.windlass("reject", id, "--comment", "not on a Friday");
  const done = await me.windlass("jobs", "watch", id, "--json");
  expect(JSON.parse(done.stdout)).toMatchObject({ state: "failed" });
  expect((await me.windlass("logs", id)).stdout).toContain("not on a Friday");
});

/** The id of the newest execution, once its step waits. */
async function waitingId(me: Stranger): Promise<string> {
  const watch = me.start(["jobs", "list", "--all", "--state", "waiting", "--watch"]);
  await until(watch, "ask");
  watch.kill("SIGINT");
  await watch.ended;
  return idOf((await me.windlass("jobs", "get", "last", "--json")).stdout);
}
