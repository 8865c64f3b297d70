/** What a newcomer does wrong: each is answered with what was found, what is allowed, and the right exit code. */
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stranger, workflowOf, type Server as Windlass, type Stranger } from "./stranger.ts";

let me: Stranger;
let server: Windlass;

beforeAll(async () => {
  me = stranger();
  server = await me.server();
  me.write(
    "good.yaml",
    workflowOf("good", "echo good").replace("steps:", "inputs:\n  count: {type: integer}\n  mode: {type: string, default: fast}\nsteps:"),
  );
  me.write("typo.yaml", workflowOf("typo", "echo").replace("steps:", "stepz:\nsteps:").replace("script:", "scrpt:"));
  await me.windlass("workflows", "apply", "good.yaml");
});

afterAll(async () => {
  server.kill("SIGTERM");
  await server.ended;
  await me.leave();
});

const USAGE = 2;
const NOT_FOUND = 3;
const REFUSED = 4;
const UNREACHABLE = 5;

test.each([
  ["a file that is not there", ["run", "nope.yaml"], NOT_FOUND, ["there is no file nope.yaml"]],
  ["a name that is not known", ["run", "god"], NOT_FOUND, ["there is no workflow god", 'did you mean "good"']],
  ["a missing input", ["run", "good"], USAGE, ["the input count (integer) is missing"]],
  [
    "an unknown input and a wrong one, at once",
    ["run", "good.yaml", "-i", "mod=slow", "-i", "count=many"],
    USAGE,
    ['there is no input "mod"', "did you mean", "expected a whole number", "many"],
  ],
  ["an input without a value", ["run", "good", "-i", "count"], USAGE, ["it is written name=value"]],
  ["unknown keys, with line and column", ["run", "typo.yaml"], USAGE, ["typo.yaml:4:1", "steps", "typo.yaml:9:7", "script"]],
  ["the same without a server's help", ["workflows", "validate", "typo.yaml"], USAGE, ["typo.yaml:4:1", "typo.yaml:9:7"]],
  ["an unknown job", ["jobs", "get", "job_00000000000000000000000000"], NOT_FOUND, ["job_00000000000000000000000000"]],
  ["half of an id that fits nothing", ["logs", "zzzzzz"], NOT_FOUND, ["at least 4 of its last characters"]],
  ["an unknown command", ["jbos"], USAGE, ["did you mean jobs?"]],
  ["a verb without its noun", ["list"], USAGE, ["`windlass jobs list`"]],
  ["a verb of the top below a noun", ["workflows", "run", "nightly"], USAGE, ["did you mean `windlass run`?"]],
  ["a verb with a slip", ["jobs", "lst"], USAGE, ["did you mean list?"]],
  ["a format that there is not", ["jobs", "list", "-o", "jsn"], USAGE, ['Did you mean "json"?']],
  ["an answer without names", ["version", "-o", "name"], USAGE, ["no names to print"]],
  ["an unknown option", ["jobs", "list", "--sate", "running"], USAGE, ["--state"]],
  [
    "an option of which the command has a shorter one",
    ["queues", "set", "mail", "--concurrency-limit", "5"],
    USAGE,
    ["did you mean --limit?"],
  ],
  [
    "an option of which it has longer ones",
    ["jobs", "submit", "--concurrency", "5", "--handler", "send"],
    USAGE,
    ["did you mean --concurrency-key or --concurrency-limit?"],
  ],
  ["an unknown state", ["jobs", "list", "--state", "runing"], USAGE, ['did you mean "running"?']],
  [
    "an unknown reason",
    ["dead-letters", "list", "--reason", "step_timeuot"],
    USAGE,
    ['--reason: there is no reason "step_timeuot"; did you mean "step_timeout"?', "docs/reference/reasons.md"],
  ],
  [
    "an unknown event",
    ["events", "list", "--type", "job.finishd"],
    USAGE,
    ['--type: there is no event "job.finishd"; did you mean "job.finished"?', "Allowed: job.submitted, "],
  ],
  [
    "all jobs, without saying so",
    ["jobs", "cancel-many"],
    USAGE,
    ["which jobs?", "--queue", "--all for every job of the workspace", "--dry-run"],
  ],
  [
    "all jobs and only some",
    ["jobs", "retry-many", "--all", "--queue", "q"],
    USAGE,
    ["--all means every job of the workspace", "--queue only some"],
  ],
  ["all dead letters, without saying so", ["dead-letters", "purge", "--yes"], USAGE, ["which ones are to be struck off?", "--all"]],
  ["a label without a value", ["jobs", "list", "--label", "team"], USAGE, ["it is written name=value"]],
  ["a rate without a time", ["queues", "set", "mail", "--rate", "10"], USAGE, ["argument '10' is invalid: it must be a rate such as 10/s"]],
  [
    "a limit that is none",
    ["queues", "limit", "mail", "5000000"],
    USAGE,
    ["for argument 'count': it must be a whole number from 0 to 1000000"],
  ],
  ["how to try again, and not how often", ["jobs", "submit", "--backoff", "5s", "--", "true"], USAGE, ["--retries COUNT"]],
  [
    "what belongs to a command",
    ["jobs", "submit", "ls", "-la"],
    USAGE,
    ["Options of a command stand behind --: windlass jobs submit -- ls -la"],
  ],
  ["a queue that ends with a stroke", ["queues", "pause", "a/"], USAGE, ["with a letter or digit at both ends"]],
  ["an operation that there is not", ["audit", "list", "--operation", "queues.puse"], USAGE, ['did you mean "queues.put"']],
  ["a token that completes nothing", ["jobs", "complete", "TOKEN"], NOT_FOUND, ["that is no completion token"]],
  ["nothing to submit", ["jobs", "submit"], USAGE, ["Give a command after --, or --handler NAME"]],
  ["a port that is none", ["server", "--port", "http"], USAGE, ["a whole number from 0 to 65535"]],
  ["a wrong token", ["jobs", "list", "--token", "wrong"], REFUSED, ["token", "http://127.0.0.1:", " was asked"]],
  ["no server at an address", ["jobs", "list", "--server", "http://127.0.0.1:9"], UNREACHABLE, ["http://127.0.0.1:9", "windlass server"]],
  ["a second server in the same folder", ["server", "--port", "0"], REFUSED, ["is in use by process", "--data"]],
  [
    "a store that there is no driver for",
    ["server", "--port", "0", "--data", "other", "--store", "mysql://user:secret@host/db"],
    USAGE,
    ["postgres://", "mysql://…@host/db"],
  ],
])("%s", async (...row) => {
  const [, args, code, words] = row;
  const { code: found, stdout, stderr } = await me.windlass(...args);
  const said = stdout + stderr;
  for (const word of words) expect(said).toContain(word);
  expect(found).toBe(code);
  expect(said).not.toContain("secret");
  expect(said).not.toMatch(/\n\s+at /u);
});

test("a word that is like none is answered without a suggestion", async () => {
  for (const word of ["xyzzy", "green"]) expect((await me.windlass(word)).stderr).not.toContain("did you mean");
});

test("the version of the program is told whatever token the server wants", async () => {
  const { code, stdout } = await me.windlass("version", "--token", "wrong");
  expect([code, stdout]).toEqual([0, expect.stringContaining(`one that does not know this token at ${server.url}`)]);
});

test("the refusal of a second server names the address of the first", async () => {
  const second = await me.windlass("server", "--port", "0", "--json");
  expect(JSON.parse(second.stderr)).toMatchObject({ code: "data_folder_in_use", details: { url: server.url, pid: server.pid } });
  expect(second.stdout).toBe("");
});

test("a port that is taken is told, with what to do", async () => {
  const taken: Server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const { port } = taken.address() as { port: number };
  try {
    for (const command of ["server", "start"]) {
      const { code, stderr } = await me.windlass(command, "--port", String(port), "--data", "elsewhere");
      expect(code).toBe(REFUSED);
      expect(stderr).toContain(`127.0.0.1:${port}`);
      expect(stderr).toContain("--port");
    }
  } finally {
    taken.close();
  }
});

test("with --json an error is one object on standard error and nothing on standard output", async () => {
  const { stdout, stderr } = await me.windlass("run", "typo.yaml", "--json");
  expect(stdout).toBe("");
  expect(JSON.parse(stderr)).toMatchObject({ code: "invalid", status: 422, faults: [{ line: 4 }, { line: 8 }, { line: 9 }] });
});

test("help goes to standard output and is no failure", async () => {
  for (const args of [["--help"], [], ["jobs", "--help"], ["run", "--help"]]) {
    const { code, stdout, stderr } = await me.windlass(...args);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("Usage: windlass");
  }
});
