/** What somebody does first, in an empty folder, and every example. */
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { root } from "../architecture/source-files.ts";
import { stranger, until, workflowOf, type Stranger } from "./stranger.ts";

const examples = join(root, "examples");
const here: Stranger[] = [];
const arrive = (): Stranger => {
  const one = stranger();
  here.push(one);
  return one;
};
afterEach(async () => {
  for (const one of here.splice(0)) await one.leave();
});

test("the start command serves, applies the examples, runs one to its end, and says what is next", async () => {
  const me = arrive();
  const start = me.start(["start", "--port", "0"]);
  await until(start, "In another terminal:");
  expect(start.printed()).toMatch(/Windlass answers at http:\/\/127\.0\.0\.1:\d+/u);
  expect(start.printed()).toContain("Applied the examples: changelog, flaky, hello");
  expect(start.printed()).toContain("greet │ Hello, world!");
  expect(start.printed()).toMatch(/✓ hello job_\w+ succeeded/u);
  // Another terminal in the same folder needs neither address nor token.
  const list = await me.windlass("jobs", "list", "--json");
  expect(list.code).toBe(0);
  expect(JSON.parse(list.stdout)).toMatchObject({ items: [{ name: "hello", state: "succeeded" }] });
  start.kill("SIGTERM");
  expect((await start.ended).code).toBe(0);
});

test("hello runs without a server, and prints nothing but the finished execution as JSON", async () => {
  const me = arrive();
  const { code, stdout } = await me.windlass("run", join(examples, "hello.yaml"), "-i", "name=Ada", "--local", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    kind: "workflow",
    name: "hello",
    state: "succeeded",
    outcome: "succeeded",
    attempts: 1,
    output: { greeting: "Hello, Ada!", letters: 3 },
    steps: [
      { name: "greet", state: "succeeded", outcome: "succeeded", exitCode: 0, output: null },
      { name: "measure", state: "succeeded", outcome: "succeeded", exitCode: 0, output: { letters: 3 } },
    ],
  });
});

test("the changelog tells the history of this very repository", async () => {
  const me = arrive();
  const { code, stdout } = await me.windlass(
    "run",
    join(examples, "changelog.yaml"),
    "-i",
    `repository=${root}`,
    "-i",
    "commits=20",
    "--local",
    "--json",
  );
  const { state, message, output } = JSON.parse(stdout) as {
    state: string;
    message: string;
    output: { days: number; entries: { changes: { commit: string; subject: string }[] }[] };
  };
  expect([code, state, message]).toEqual([0, "succeeded", null]);
  expect(output.entries).toHaveLength(output.days);
  const changes = output.entries.flatMap((entry) => entry.changes);
  expect(changes.length).toBeGreaterThan(0);
  expect(changes.every(({ commit, subject }) => /^[0-9a-f]{7,}$/u.test(commit) && subject !== "")).toBe(true);
});

test("the changelog of a folder without history fails and says so", async () => {
  const me = arrive();
  const { code, stdout } = await me.windlass("run", join(examples, "changelog.yaml"), "-i", `repository=${me.folder}`, "--local");
  expect(code).toBe(1);
  expect(stdout).toContain("not a git repository");
});

test("the flaky one is tried again, fails, and explains itself", async () => {
  const me = arrive();
  await me.server();
  const run = await me.windlass("run", join(examples, "flaky.yaml"), "--watch");
  expect(run.code).toBe(1);
  for (const attempt of [1, 2, 3]) expect(run.stdout.split(`fetch │ attempt ${attempt}: connection refused`)).toHaveLength(2);
  expect(run.stdout).toContain("tell │ fetch gave up with exit code 7");
  const why = await me.windlass("explain", "last");
  expect(why.stdout).toMatch(/step "fetch" failed after 3 attempts: exit code 7/u);
  expect((await me.windlass("run", join(examples, "flaky.yaml"), "-i", "fails=2", "--wait")).code).toBe(0);
});

test("a run that is not waited for returns at once, and is found again", async () => {
  const me = arrive();
  await me.server();
  me.write("slow.yaml", workflowOf("slow", "sleep 0.5; echo done"));
  const run = await me.windlass("run", "slow.yaml", "--json");
  expect(run.code).toBe(0);
  const job = JSON.parse(run.stdout) as { id: string; state: string };
  expect(["queued", "running"]).toContain(job.state);
  const watched = await me.windlass("jobs", "watch", job.id);
  expect(watched.code).toBe(0);
  expect((await me.windlass("logs", job.id)).stdout).toContain("done");
  expect((await me.windlass("jobs", "get", job.id.slice(-6), "--json")).stdout).toContain(job.id);
});
