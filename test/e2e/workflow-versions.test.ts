/** Workflows under their names: versions, what differs, and workflows that run each other by the versions of their start. */
import { afterEach, expect, test } from "vitest";
import { stranger, type Stranger } from "./stranger.ts";

const here: Stranger[] = [];
afterEach(async () => {
  for (const one of here.splice(0)) await one.leave();
});

const HEAD = "apiVersion: windlass.dev/v1\nkind: Workflow\n";
const GREET = (word: string): string => `${HEAD}metadata: {name: greet}
inputs: {who: {type: string}}
steps:
  - name: say
    tool: {kind: shell, script: "echo '\\"${word} {{ who }}\\"'", output: json}
output: {said: "{{ say.output }}"}
`;
const DAY = `${HEAD}metadata: {name: day}
steps:
  - {name: newest, tool: {kind: workflow, name: greet, inputs: {who: Ada}}}
  - {name: first, tool: {kind: workflow, name: greet@1, inputs: {who: Bob}}}
  - {name: each, foreach: [x, y], tool: {kind: workflow, name: greet@1, inputs: {who: "{{ item }}"}}}
output: {newest: "{{ newest.output.said }}", first: "{{ first.said }}", each: "{{ each.output }}"}
`;

test("a workflow that is disabled takes nothing new, tells how to enable it, and lets what runs go on", async () => {
  const me = stranger();
  here.push(me);
  await me.server();
  me.write("slow.yaml", `${HEAD}metadata: {name: slow}\nsteps:\n  - {name: ask, tool: {kind: wait, approval: {text: "go on?"}}}\n`);
  await me.windlass("workflows", "apply", "slow.yaml");
  const { id } = JSON.parse((await me.windlass("run", "slow", "--json")).stdout) as { id: string };
  const later = JSON.parse((await me.windlass("run", "slow", "--json", "--delay", "1h")).stdout) as { id: string };
  await me.windlass("jobs", "list");
  const disabled = await me.windlass("workflows", "disable", "slow", "--reason", "too slow");
  expect(disabled.stdout).toBe(
    "Disabled slow: nothing new of it is taken until windlass workflows enable slow. 1 execution that had not begun was cancelled.\n",
  );
  expect((await me.windlass("workflows", "list")).stdout).toMatch(/slow +1 +disabled/u);
  const refused = await me.windlass("run", "slow");
  expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining("windlass workflows enable slow")]);
  expect(JSON.parse((await me.windlass("jobs", "get", later.id, "--json")).stdout)).toMatchObject({ reason: "workflow_disabled" });
  await me.windlass("approve", id);
  await me.windlass("jobs", "watch", id);
  expect(JSON.parse((await me.windlass("jobs", "get", id, "--json")).stdout)).toMatchObject({ state: "succeeded" });
  expect((await me.windlass("workflows", "enable", "slow")).stdout).toBe("Enabled slow.\n");
  expect((await me.windlass("run", "slow", "--json")).code).toBe(0);
});

test("versions are made by content, compared, and run by name; an execution keeps those that it began with", async () => {
  const me = stranger();
  here.push(me);
  await me.server();
  me.write("greet.yaml", GREET("hello"));
  me.write("day.yaml", DAY);
  expect((await me.windlass("workflows", "apply", "greet.yaml")).stdout).toBe("greet@1 applied\n");
  expect((await me.windlass("workflows", "apply", "greet.yaml")).stdout).toBe("greet@1 is unchanged\n");
  expect((await me.windlass("workflows", "diff", "greet.yaml")).stdout).toBe("greet@1 and greet.yaml are equal.\n");
  me.write("greet.yaml", GREET("good day"));
  expect((await me.windlass("workflows", "apply", "greet.yaml")).stdout).toBe("greet@2 applied\n");
  const diff = (await me.windlass("workflows", "diff", "greet")).stdout;
  expect(diff).toMatch(/^--- greet@1\n\+\+\+ greet@2\n/u);
  expect(diff).toMatch(/\n- {6}script: .*hello[^]*\n\+ {6}script: .*good day/u);

  const run = await me.windlass("run", "day.yaml", "--wait", "--json");
  expect(JSON.parse(run.stdout)).toMatchObject({
    state: "succeeded",
    output: { newest: "good day Ada", first: "hello Bob", each: [{ said: "hello x" }, { said: "hello y" }] },
  });
  me.write("greet.yaml", GREET("bye"));
  await me.windlass("workflows", "apply", "greet.yaml");
  const again = await me.windlass("jobs", "retry", "last", "--wait", "--json");
  expect(JSON.parse(again.stdout)).toMatchObject({ output: { newest: "good day Ada" } });
  const named = await me.windlass("run", "greet@latest", "-i", "who=Eve", "--wait", "--json");
  expect(JSON.parse(named.stdout)).toMatchObject({ output: { said: "bye Eve" } });

  me.write("wrong.yaml", DAY.replace("name: greet,", "name: greeet,").replace("{who: Bob}", "{whom: Bob}"));
  const wrong = await me.windlass("run", "wrong.yaml");
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('there is no workflow greeet; did you mean "greet"?');
});
