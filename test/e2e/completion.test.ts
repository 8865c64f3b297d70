/** Completion in a real shell: what a press of TAB offers. Shells that are not installed are left out; bash is always there. */
import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../architecture/source-files.ts";
import { stranger, type Server, type Stranger } from "./stranger.ts";

let me: Stranger;
let server: Server;
let id = "";

beforeAll(async () => {
  me = stranger();
  server = await me.server();
  id = (await me.windlass("jobs", "submit", "--name", "remembered", "--wait", "-o", "name", "--", "true")).stdout.trim();
  await me.windlass("queues", "resume", "mail");
});

afterAll(async () => {
  server.kill("SIGTERM");
  await server.ended;
  await me.leave();
});

const program = join(root, "programs", "cli", "bin", "windlass.js");
const run = promisify(execFile);

/** Words as bash takes them apart; the last is being typed. */
async function tab(...words: readonly string[]): Promise<readonly string[]> {
  const quoted = ["windlass", ...words].map((word) => `'${word}'`).join(" ");
  const script = `windlass() { "${process.execPath}" "${program}" "$@"; }
source <(windlass completion bash)
COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; COMP_TYPE=9
_windlass
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run("bash", ["--norc", "-c", script], { cwd: me.folder });
  return stdout.split("\n").filter((line) => line !== "");
}

test("in bash, commands, options and values are completed", async () => {
  expect(await tab("que")).toEqual(["queues"]);
  expect(await tab("jobs", "list", "--stat")).toEqual(["--state"]);
  expect(await tab("jobs", "list", "--state", "runn")).toEqual(["running"]);
  expect(await tab("jobs", "list", "--output", "=", "y")).toEqual(["yaml"]);
  expect(await tab("doct")).toEqual(["doctor"]);
});

test("in bash, ids and names of the server are completed", async () => {
  expect(await tab("logs", "job_")).toEqual([id]);
  expect(await tab("queues", "pause", "m")).toEqual(["mail"]);
  await me.windlass("jobs", "submit", "--name", "second", "--wait", "--", "true");
  const several = await tab("logs", "job_");
  expect(several).toHaveLength(2);
  expect(several[0]).toMatch(/^job_\w{26} {2}\(second, succeeded\)$/u);
});

test("without a server nothing is offered and nothing is said", async () => {
  const { code, stdout, stderr } = await me.windlass("__complete", "--server", "http://127.0.0.1:9", "--", "logs", "");
  expect([code, stdout, stderr]).toEqual([0, "", ""]);
});

test.each(["bash", "zsh", "fish"])("the script for %s is read without a fault", async (shell) => {
  const { stdout } = await me.windlass("completion", shell);
  if (spawnSync(shell, ["-c", "true"]).error !== undefined) return expect(stdout).toContain("__complete");
  me.write(`completion.${shell}`, stdout);
  const { status, stderr } = spawnSync(shell, ["-n", `completion.${shell}`], { cwd: me.folder, encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
});
