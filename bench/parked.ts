/**
 * Measures what is parked: so many containers and so many waits in flight on one server whose workers have one slot. Prints how
 * long it took until all ran, how soon other work is done meanwhile, and, for some minutes, what the server does for them: its
 * calls of the store, its wake-ups, its processor time. `npm run bench:parked -- [--containers 500] [--waits 500] [--minutes 10]`.
 * Takes podman, and the right to use it.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as rest } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { client, type Client } from "@windlass/sdk";
import { testPodman } from "@windlass/testkit";

const PROGRAM = fileURLToPath(new URL("../programs/cli/bin/windlass.js", import.meta.url));
const MINUTE_MS = 60_000;
const LOOK_MS = 1_000;
const TICKS_PER_SECOND = 100;

const { values: told } = parseArgs({
  options: {
    containers: { type: "string", default: "500" },
    waits: { type: "string", default: "500" },
    minutes: { type: "string", default: "10" },
  },
});
const [containers, waits, minutes] = [Number(told.containers), Number(told.waits), Number(told.minutes)];

const podman = testPodman();
await podman.start();
const folder = mkdtempSync(join(tmpdir(), "windlass-parked-"));
const server = spawn(process.execPath, [PROGRAM, "server", "--port", "0", "--json", "--data", folder], {
  env: {
    ...process.env,
    WINDLASS_DOCKER_HOST: podman.server.host,
    WINDLASS_DOCKER_RUNNING_MAX: String(containers + 1),
    WINDLASS_PROCESS_RUNNING_MAX: "1",
    WINDLASS_LOG: "warn",
  },
  stdio: ["ignore", "pipe", "inherit"],
});
let [address, token] = ["", ""];
try {
  address = await addressOf(server);
  token = readFileSync(join(folder, "token"), "utf8").trim();
  await measure(client({ url: address, token }));
} finally {
  server.kill("SIGTERM");
  if (server.exitCode === null) await once(server, "exit");
  await podman.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}

async function measure(api: Client): Promise<void> {
  const begun = Date.now();
  const { job } = await api.workflows.run({ source: file() });
  while ((await running(api, job.id)) < containers) await rest(LOOK_MS);
  print(`${containers} containers and ${waits} waits in flight after`, `${((Date.now() - begun) / 1_000).toFixed(1)} s`);
  const asked = Date.now();
  const { id } = await api.jobs.submit({ name: "other", executor: "process", spec: { command: ["true"] } });
  await api.wait(id);
  print("a command on the one slot, meanwhile, from submission to its end", `${Date.now() - asked} ms`);
  const before = await spent();
  const figuresBefore = await storeCalls();
  await rest(minutes * MINUTE_MS);
  const [after, figuresAfter] = [await spent(), await storeCalls()];
  print("processor time of the server, of one core", `${((100 * (after - before)) / (minutes * 60)).toFixed(2)} %`);
  for (const [name, count] of figuresAfter) {
    const made = count - (figuresBefore.get(name) ?? 0);
    if (made > 0) print(`calls of ${name} in a minute`, (made / minutes).toFixed(1));
  }
  await api.jobs.cancel({ id: job.id });
  await api.wait(job.id);
  print("all gone after the cancel", `${((Date.now() - begun) / 1_000).toFixed(1)} s after the beginning`);
}

function file(): string {
  const container = `{kind: container, image: "${podman.server.image}", command: [sleep, "36000"]}`;
  const steps = [
    ...Array.from({ length: containers }, (_, n) => `  - {name: c${n}, tool: ${container}}`),
    ...Array.from({ length: waits }, (_, n) => `  - {name: w${n}, tool: {kind: wait, for: 10h}}`),
  ];
  return `apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: parked}\nsteps:\n${steps.join("\n")}\n`;
}

async function running(api: Client, parentId: string): Promise<number> {
  let [count, cursor]: [number, string | undefined] = [0, undefined];
  for (;;) {
    const page = await api.jobs.list({ parentId, state: ["running"], limit: 500, ...(cursor === undefined ? {} : { cursor }) });
    count += page.items.filter(({ executor }) => executor === "docker").length;
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  const made = await podman.server.command("ps", "--quiet");
  return Math.min(count, made.split("\n").length - 1);
}

/** By name, from the metrics. */
async function storeCalls(): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(new URL("/metrics", address), { headers: { authorization: `Bearer ${token}` } });
  const lines = (await response.text()).matchAll(/^windlass_store_call_duration_seconds_count\{call="([^"]+)"[^}]*\} (\d+)/gmu);
  return new Map([...lines].map(([, name = "", count]) => [name, Number(count)]));
}

/** Seconds of processor time that the server has used. */
async function spent(): Promise<number> {
  const [, rest_ = ""] = readFileSync(`/proc/${server.pid}/stat`, "utf8").split(") ");
  const fields = rest_.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function print(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(76)} ${value}\n`);
}

async function addressOf(child: ChildProcess): Promise<string> {
  const [line] = (await once(child.stdout?.setEncoding("utf8") ?? child, "data")) as [string];
  return (JSON.parse(line) as { url: string }).url;
}
