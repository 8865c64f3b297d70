/**
 * Measures what attempts print, on its whole way: process → supervisor → files → API → client, each a process of its own.
 * `npm run bench:logs`. Prints one table; its functions are for other benchmarks.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { client, logBytes, type Client } from "@windlass/sdk";

const PROGRAM = fileURLToPath(new URL("../programs/cli/bin/windlass.js", import.meta.url));
const MEGABYTE = 1_000_000;
/** Larger than what is measured: nothing is cut. */
const LOG_BYTES_MAX = 4_000 * MEGABYTE;
const LINE = "2026-01-31T12:00:00Z info  a line of a usual length, with a number and an address 127.0.0.1 10234";

/** In a second, and how often a part of it is written. */
const LOAD_BYTES = 50 * MEGABYTE;
const LOAD_MS = 20;

export interface LogServer {
  readonly api: Client;
  stop(): Promise<void>;
}

/** A server of its own in a folder of its own. */
export async function startLogServer(): Promise<LogServer> {
  const folder = mkdtempSync(join(tmpdir(), "windlass-bench-logs-"));
  const child = spawn(process.execPath, [PROGRAM, "server", "--port", "0", "--json", "--data", folder], {
    env: { ...process.env, WINDLASS_LOG_BYTES_MAX: String(LOG_BYTES_MAX), WINDLASS_LOG: "warn" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await addressOf(child);
  return {
    api: client({ url, token: readFileSync(join(folder, "token"), "utf8").trim() }),
    async stop() {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
      endSupervisor(folder);
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** Megabytes per second from the start of the process to the last byte in the files. */
export async function written(api: Client, megabytes: number): Promise<{ readonly id: string; readonly rate: number }> {
  const { id } = await submit(api, `yes '${LINE}' | head -c ${megabytes * MEGABYTE}`);
  await api.wait(id);
  const [attempt] = (await api.jobs.attempts({ id })).items;
  const took = Date.parse(attempt?.endedAt ?? "") - Date.parse(attempt?.startedAt ?? "");
  return { id, rate: megabytes / (took / 1_000) };
}

/** Megabytes per second of a download of what was printed. */
export async function readRaw(api: Client, id: string): Promise<number> {
  return rate(async () => {
    let bytes = 0;
    for await (const piece of await api.jobs.rawLogs({ id })) bytes += piece.length;
    return bytes;
  });
}

/** Megabytes per second to the last byte at a follower that listens from the start. */
export async function followed(api: Client, megabytes: number): Promise<number> {
  const { id } = await submit(api, `yes '${LINE}' | head -c ${megabytes * MEGABYTE}`);
  return rate(() => follow(api, id, () => {}));
}

/** From a line's printing to its arrival at a follower, in milliseconds, while another process prints 50 MB a second to a follower of its own. */
export async function followLatency(api: Client, lines: number): Promise<{ readonly p50: number; readonly p99: number }> {
  // Until it is cancelled: one that ended by itself would leave nothing to be beside.
  const load = await submit(
    api,
    `exec "${process.execPath}" -e 'const text = ("${LINE}" + String.fromCharCode(10)).repeat(${Math.floor((LOAD_BYTES * LOAD_MS) / 1_000 / (LINE.length + 1))}); setInterval(() => process.stdout.write(text), ${LOAD_MS})'`,
  );
  const loaded = follow(api, load.id, () => {});
  const { id } = await submit(
    api,
    `exec "${process.execPath}" -e 'let n = 0; const t = setInterval(() => { console.log(Date.now()); if (++n === ${lines}) clearInterval(t); }, 20)'`,
  );
  const late: number[] = [];
  await follow(api, id, (text) => {
    for (const at of text.trim().split("\n")) late.push(Date.now() - Number(at));
  });
  await api.jobs.cancel({ id: load.id, graceSeconds: 0 });
  await loaded;
  const sorted = late.toSorted((a, b) => a - b);
  return { p50: sorted[Math.floor(sorted.length / 2)] ?? 0, p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0 };
}

async function submit(api: Client, script: string): Promise<{ readonly id: string }> {
  return api.jobs.submit({ name: "printer", executor: "process", spec: { script } });
}

async function follow(api: Client, id: string, each: (text: string) => void): Promise<number> {
  let bytes = 0;
  for await (const item of api.jobs.followLogs({ id })) {
    if (item.type !== "chunks") continue;
    for (const chunk of item.chunks) {
      bytes += logBytes(chunk).length;
      each(chunk.text ?? "");
    }
  }
  return bytes;
}

async function rate(work: () => Promise<number>): Promise<number> {
  const from = performance.now();
  const bytes = await work();
  return bytes / MEGABYTE / ((performance.now() - from) / 1_000);
}

async function addressOf(child: ChildProcess): Promise<string> {
  let printed = "";
  return new Promise((resolve, reject) => {
    child.stdout?.on("data", (data) => {
      printed += String(data);
      const line = /^\{"url".*\}$(?=\n)/mu.exec(printed)?.[0];
      if (line !== undefined) resolve((JSON.parse(line) as { url: string }).url);
    });
    child.once("exit", () => reject(new Error(`the server ended before it listened: ${printed}`)));
  });
}

function endSupervisor(folder: string): void {
  try {
    process.kill(Number.parseInt(readFileSync(join(folder, "supervisor", "pid"), "utf8"), 10), "SIGTERM");
  } catch {
    // It has left already.
  }
}

if (import.meta.main) {
  const megabytes = Number(process.argv[2] ?? 200);
  const server = await startLogServer();
  try {
    await written(server.api, 1);
    const { id, rate: writing } = await written(server.api, megabytes);
    const rows: [string, number][] = [
      ["process to files (MB/s)", writing],
      ["download of it (MB/s)", await readRaw(server.api, id)],
      ["follow while it is printed (MB/s)", await followed(server.api, megabytes)],
    ];
    const { p50, p99 } = await followLatency(server.api, 250);
    rows.push(["line to follower beside 50 MB/s, p50 (ms)", p50], ["line to follower beside 50 MB/s, p99 (ms)", p99]);
    for (const [name, value] of rows) process.stdout.write(`${name.padEnd(42)} ${value.toFixed(1).padStart(8)}\n`);
  } finally {
    await server.stop();
  }
  process.exit(0);
}
