/** Completion in a real shell: what a press of TAB offers. Shells that are not installed are left out; bash is always there. */
import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { root } from "../architecture/source-files.ts";
import { stranger, type Server, type Stranger } from "./stranger.ts";
import { hasTerminal, terminalIn } from "./terminal.ts";

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

/** A server that takes longer than a moment is not waited for: nothing is offered then, and the key is pressed again. */
const PRESSED_AGAIN = { interval: 1_500 };

/** A line that ends where TAB is pressed, parted as bash does it: also at = and :. */
async function tab(line: string): Promise<readonly string[]> {
  const parts = `windlass ${line}`.split(/ +/u).flatMap((word) => (word === "" ? [""] : (word.match(/[=:]+|[^=:]+/gu) ?? [])));
  const quoted = parts.map((word) => `'${word}'`).join(" ");
  const script = `windlass() { "${process.execPath}" "${program}" "$@"; }
source <(windlass completion bash)
COMP_LINE='windlass ${line}'; COMP_WORDS=(${quoted}); COMP_CWORD=${parts.length - 1}; COMP_TYPE=9
_windlass
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run("bash", ["--norc", "-c", script], { cwd: me.folder, env: { ...process.env, HOME: me.folder } });
  return stdout.split("\n").filter((each) => each !== "");
}

test("in bash, commands, options and values are completed", async () => {
  await expect.poll(() => tab("que")).toEqual(["queues"]);
  await expect.poll(() => tab("jobs list --stat")).toEqual(["--state"]);
  await expect.poll(() => tab("jobs list --state runn")).toEqual(["running"]);
  await expect.poll(() => tab("doct")).toEqual(["doctor"]);
});

test("in bash, what it parts at = and : is one word, of which the end is completed", async () => {
  await expect.poll(() => tab("jobs list --output=y")).toEqual(["yaml"]);
  await expect.poll(() => tab("jobs list --output=")).toContain("wide");
  await expect.poll(() => tab("roles create ci --permission jobs:sub")).toEqual(["submit"]);
  await expect.poll(() => tab("roles create ci --permission=jobs:read,jobs:sub")).toEqual(["submit"]);
  await expect.poll(() => tab(`--server ${server.url} que`)).toEqual(["queues"]);
  await expect.poll(() => tab(`--server=${server.url} queues pause m`)).toEqual(["mail"]);
  await expect.poll(() => tab("dead-letters list --since 2026-01-31T08:00:00Z --queue m")).toEqual(["mail"]);
});

test("in bash, ids and names of the server are completed", async () => {
  await expect.poll(() => tab("logs job_")).toEqual([id]);
  await expect.poll(() => tab("queues move default m")).toEqual(["mail"]);
  await me.windlass("jobs", "submit", "--name", "second", "--wait", "--", "true");
  const several = await vi.waitFor(async () => {
    const found = await tab("logs job_");
    expect(found).toHaveLength(2);
    return found;
  });
  expect(several[0]).toMatch(/^job_\w{26} {2}\(second, succeeded\)$/u);
});

test("in bash, dead letters, contexts, schemas and zones are completed, and asked where the line says", async () => {
  const died = await me.windlass("jobs", "submit", "--dead-letter", "--wait", "--json", "--", "false");
  const letter = (JSON.parse(died.stdout) as { readonly id: string }).id;
  await expect.poll(() => tab("dead-letters get job_")).toEqual([letter]);
  await expect.poll(() => tab("dlq redrive job_0 job_")).toEqual([letter]);
  await me.windlass("workspaces", "create", "acme");
  await me.windlass("queues", "pause", "only-of-acme", "--workspace", "acme");
  await me.windlass("context", "set", "prod", "--server", server.url, "--token-file", ".windlass/token", "--workspace", "acme");
  await expect.poll(() => tab("context use p")).toEqual(["prod"]);
  await expect.poll(() => tab("--context prod queues resume only")).toEqual(["only-of-acme"]);
  await expect.poll(() => tab("--workspace acme queues resume only")).toEqual(["only-of-acme"]);
  await expect.poll(() => tab("schema dead-")).toContain("dead-letter");
  await expect.poll(() => tab("audit list --operation queues.mo")).toEqual(["queues.move"]);
  await expect.poll(() => tab("schedules next --every 5m --timezone Europe/Zur")).toEqual(["Europe/Zurich"]);
});

test.skipIf(!hasTerminal)("at a prompt of bash TAB writes the rest", async () => {
  me.write("rc", `windlass() { "${process.execPath}" "${program}" "$@"; }\nsource <(windlass completion bash)\nPS1='ready> '\n`);
  const screen = terminalIn(me.folder, "bash --rcfile rc -i");
  await screen.until("ready> ");
  screen.type(`windlass --server ${server.url} que\t`);
  await screen.until("queues ");
  screen.type("pause ma");
  await vi.waitFor(() => {
    if (screen.shown().includes("pause mail ")) return;
    screen.type("\t");
    expect.fail("it is not completed yet");
  }, PRESSED_AGAIN);
  screen.type("\u0015windlass roles create ci --permission jobs:sub\t");
  await screen.until("--permission jobs:submit ");
  screen.type("\u0015exit\n");
  await screen.ended;
  expect(screen.shown()).not.toContain("command not found");
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
