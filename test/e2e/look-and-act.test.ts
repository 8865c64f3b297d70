/** Many jobs at once, and what a server is at, from the command line. */
import { afterEach, expect, test } from "vitest";
import { stranger, until, workflowOf, type Stranger } from "./stranger.ts";

let me: Stranger | null = null;
afterEach(async () => {
  await me?.leave();
  me = null;
});

test("jobs are counted, cancelled and run again by filter, and the server tells who works and with which settings", async () => {
  const here = (me = stranger());
  const server = here.start(["server", "--port", "0"]);
  await until(server, "Windlass answers");
  const json = async (...args: readonly string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await here.windlass(...args, "--json");
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout);
  };
  for (const name of ["a", "b"]) await here.windlass("jobs", "submit", "--handler", "none", "--name", name, "--queue", "q");
  expect(await json("jobs", "counts", "--queue", "q")).toMatchObject({ items: [{ value: "queued", count: 2 }] });
  expect(await json("jobs", "cancel-many", "--queue", "q", "--dry-run")).toMatchObject({ dryRun: true, matched: 2, done: 0 });
  const nothing = await here.windlass("jobs", "cancel-many");
  expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining("which jobs?")]);
  expect((await here.windlass("jobs", "cancel-many", "--queue", "q", "--name", "a")).stdout).toBe("1 job told to end.\n");
  expect(await json("jobs", "retry-many", "--name", "a")).toMatchObject({ matched: 1, done: 1 });
  expect((await here.windlass("jobs", "clean", "--stuck")).stdout).toBe("0 jobs would be ended.\n");
  expect(await json("jobs", "clean", "--stuck", "--older-than", "2h", "--yes")).toEqual({ dryRun: false, items: [], unseen: 0 });
  expect((await here.windlass("jobs", "clean")).code).toBe(2);
  expect((await here.windlass("workers", "list")).stdout).toMatch(/REPORTS WITHIN[^]*launcher +\S+ \(process \d+\) +process.*\d+s/u);
  expect(await json("settings", "list")).toMatchObject({
    items: expect.arrayContaining([expect.objectContaining({ name: "server.port", source: "command line" })]),
  });
  expect(await json("events", "list", "--type", "job.submitted", "-n", "1")).toMatchObject({
    items: [{ type: "job.submitted" }],
    more: true,
  });
  const wide = await here.windlass("events", "list", "-n", "1", "-o", "wide");
  expect([wide.stdout, wide.stderr]).toEqual([
    expect.stringContaining("DATA"),
    expect.stringMatching(/^There are more: add --after \S+, or --limit\.\n$/u),
  ]);
  expect((await here.windlass("workflows", "delete", "none")).code).toBe(3);
  server.kill("SIGTERM");
  expect((await server.ended).code).toBe(0);
});

test("many jobs are submitted from a file, each on its own, and listed by what they belong to", async () => {
  const here = (me = stranger());
  const server = await here.server();
  const line = (more: object): string =>
    JSON.stringify({ name: "one", executor: "handler", spec: { handler: "none" }, queue: "many", ...more });
  // More than one request takes.
  const many = Array.from({ length: 1_100 }, (_, index) => line({ name: `job-${index}`, idempotencyKey: `key-${index}` }));
  here.write("jobs.jsonl", many.join("\n"));
  expect((await here.windlass("jobs", "submit-many", "jobs.jsonl")).stdout).toBe("1100 jobs submitted\n");
  here.write("jobs.jsonl", [many[0], line({ idempotencyKey: "key-1" }), line({ name: "new" })].join("\n"));
  const again = await here.windlass("jobs", "submit-many", "jobs.jsonl");
  expect([again.code, again.stdout]).toEqual([
    4,
    expect.stringMatching(/^refused: line 2: the key was used .*\n2 jobs submitted, 1 of them before, under the same key, 1 refused\n$/u),
  ]);
  here.write("jobs.jsonl", [...many, line({ queu: "x" })].join("\n"));
  const wrong = await here.windlass("jobs", "submit-many", "jobs.jsonl");
  expect([wrong.code, wrong.stdout, wrong.stderr]).toEqual([
    2,
    "",
    expect.stringMatching(/^error: 1 of 1101 jobs in jobs\.jsonl is not valid; nothing was submitted\n {2}line 1101: .*queu/u),
  ]);
  expect(JSON.parse((await here.windlass("jobs", "counts", "--queue", "many", "--json")).stdout)).toMatchObject({
    items: [{ value: "queued", count: 1_101 }],
  });
  const oldest = await here.windlass("jobs", "list", "--queue", "many", "--order", "oldest", "-n", "1", "-o", "name");
  const [first = ""] = oldest.stdout.split("\n");
  expect((await here.windlass("jobs", "list", "--root", first, "-o", "name")).stdout).toBe(`${first}\n`);
  expect((await here.windlass("jobs", "list", "--root", "last", "-o", "wide")).stdout).toContain("new");
  expect((await here.windlass("jobs", "list", "--parent", "nope")).code).toBe(3);
  server.kill("SIGTERM");
  await server.ended;
});

test("standard input may come after the program has begun", async () => {
  const here = (me = stranger());
  const server = await here.server();
  const job = JSON.stringify({ name: "one", executor: "handler", spec: { handler: "none" } });
  const many = here.startFed(["jobs", "submit-many", "-"]);
  const run = here.startFed(["run", "-", "--json"]);
  // By the time that another program has begun and ended, they wait for what is written.
  await here.windlass("jobs", "list");
  many.write(job);
  run.write(workflowOf("late", "true"));
  expect(await many.ended).toMatchObject({ code: 0, stdout: "1 job submitted\n" });
  expect(JSON.parse((await run.ended).stdout)).toMatchObject({ name: "late" });
  server.kill("SIGTERM");
  await server.ended;
});

test("the log of a container that cannot be is refused, of a job and of an execution", async () => {
  const here = (me = stranger());
  const server = await here.server();
  await here.windlass("jobs", "submit", "--wait", "--", "echo", "hello");
  const ofJob = await here.windlass("logs", "last", "--container", "side");
  expect([ofJob.code, ofJob.stderr]).toEqual([3, expect.stringContaining('its executor is process); there is no container "side"')]);
  here.write(
    "one.yaml",
    "apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: one}\nsteps:\n  - {name: say, tool: {kind: shell, command: [echo, hello]}}\n",
  );
  await here.windlass("run", "one.yaml", "--wait");
  for (const more of [[], ["--follow"]]) {
    const ofExecution = await here.windlass("logs", "last", "--container", "side", ...more);
    expect([ofExecution.code, ofExecution.stderr]).toEqual([3, expect.stringContaining("no step of one ran in a pod")]);
  }
  for (const container of ["main", "*"])
    for (const more of [[], ["--follow"]])
      expect((await here.windlass("logs", "last", "--container", container, ...more)).stdout, container).toContain("hello");
  server.kill("SIGTERM");
  await server.ended;
});

test("doctor looks at all that is around, and asks nothing of a port that its server does not need", async () => {
  const here = (me = stranger());
  const server = await here.server();
  const { stdout } = await here.windlass("doctor", "--json");
  const { checks } = JSON.parse(stdout) as {
    readonly checks: readonly { readonly name: string; readonly status: string; readonly found: string }[];
  };
  const found = new Map(checks.map((check) => [check.name, check]));
  for (const name of [
    "node",
    "data folder",
    "flush rate",
    "disk",
    "server",
    "clock",
    "postgres",
    "containers",
    "kubernetes",
    "nats",
    "sqlite",
  ])
    expect(found.get(name)?.found, name).toMatch(/./u);
  expect(found.get("flush rate")?.found).toMatch(/^[\d,]+ a second/u);
  expect(found.get("port")).toMatchObject({ status: "ok", found: expect.stringMatching(/^\d+, by the server of this data folder$/u) });
  server.kill("SIGTERM");
  await server.ended;
});

test("a dead letter is named by `last` or by the end of its id", async () => {
  const here = (me = stranger());
  const server = await here.server();
  const none = await here.windlass("dead-letters", "get", "last");
  expect([none.code, none.stderr]).toEqual([3, expect.stringContaining("there is no dead letter")]);
  const died = await here.windlass("jobs", "submit", "--dead-letter", "--wait", "--json", "--", "false");
  const { id } = JSON.parse(died.stdout) as { readonly id: string };
  await here.windlass("jobs", "submit", "--wait", "--", "true");
  expect((await here.windlass("dead-letters", "get", "last")).stdout).toContain(id);
  expect((await here.windlass("dead-letters", "get", id.slice(-6))).stdout).toContain(id);
  expect((await here.windlass("dead-letters", "redrive", "last")).stdout).toBe("1 redriven\n");
  const misspelt = await here.windlass("dead-letters", "purge", "lsat", "--yes");
  expect([misspelt.code, misspelt.stderr]).toEqual([3, expect.stringContaining('there is no dead letter "lsat"')]);
  server.kill("SIGTERM");
  await server.ended;
});
