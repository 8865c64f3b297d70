/** Steps that are tried again, with more than before, and steps that are repeated. */
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { stranger, type Stranger } from "./stranger.ts";

const here: Stranger[] = [];
afterEach(async () => {
  for (const one of here.splice(0)) await one.leave();
});

const HEAD = "apiVersion: windlass.dev/v1\nkind: Workflow\n";

test("an attempt after one that had too little memory has more", async () => {
  const me = stranger();
  here.push(me);
  await me.server();
  me.write(
    "hungry.yaml",
    `${HEAD}metadata: {name: hungry}
steps:
  - name: eat
    tool: {kind: shell, command: [node, -e, "const a = Buffer.alloc(120e6, 1); setTimeout(() => console.log(a.length), process.env.WINDLASS_ATTEMPT === '1' ? 600000 : 0)"], resources: {limits: {memory: 90Mi}}}
    retry: {limit: 1, on: [failed_oom], backoff: {initial: 0}, resources: {failed_oom: {limits: {memory: 1Gi}}}}\n`,
  );
  const done = await me.windlass("run", "hungry.yaml", "--wait", "--json");
  expect(JSON.parse(done.stdout)).toMatchObject({ state: "succeeded" });
  const steps = JSON.parse((await me.windlass("jobs", "get", "last", "--json")).stdout) as { steps: { attempts: number }[] };
  expect(steps.steps[0]?.attempts).toBe(2);
});

test("a step is repeated until what it says is good", async () => {
  const me = stranger();
  here.push(me);
  await me.server();
  const count = join(me.folder, "count");
  me.write(
    "poll.yaml",
    `${HEAD}metadata: {name: poll}
steps:
  - name: poll
    until: poll.output >= 3
    pause: 0.1
    tool: {kind: shell, script: "echo x >> ${count}; wc -l < ${count} > \\"$WINDLASS_OUTPUT\\""}
output: "{{ poll.output }}"\n`,
  );
  const done = await me.windlass("run", "poll.yaml", "--wait", "--json");
  expect(JSON.parse(done.stdout)).toMatchObject({ state: "succeeded", output: 3 });
});
