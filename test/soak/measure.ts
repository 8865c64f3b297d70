/** One look at a server, its supervisor and its files, from outside: what the system and `/metrics` say. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { supervisorOf } from "../chaos/running-processes.ts";
import type { Sample } from "./verdict.ts";

export interface Measured {
  readonly server: { readonly pid: number; readonly url: string };
  /** Absolute. */
  readonly dataFolder: string;
  /** Where PostgreSQL keeps its tables; null: SQLite in the data folder. */
  readonly postgresFolder: string | null;
}

export interface Look {
  readonly values: Sample["values"];
  /** The longest that the event loop was held up since the last look. */
  readonly lagMs: number;
}

export async function look({ server, dataFolder, postgresFolder }: Measured): Promise<Look> {
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  const metric = (line: string): number =>
    Number(
      metrics
        .split("\n")
        .find((text) => text.startsWith(`${line} `))
        ?.slice(line.length) ?? Number.NaN,
    );
  const supervisor = supervisorOf(dataFolder);
  const values: Sample["values"] = {
    serverMemory: residentBytes(server.pid),
    serverHeap: metric("nodejs_heap_size_used_bytes"),
    serverFiles: openFiles(server.pid),
    serverThreads: statusOf(server.pid, "Threads"),
    supervisorMemory: supervisor === null ? null : residentBytes(supervisor),
    supervisorFiles: supervisor === null ? null : openFiles(supervisor),
    database: postgresFolder === null ? bytesOf(join(dataFolder, "windlass.db")) : bytesOf(join(postgresFolder, "base")),
    // PostgreSQL's grows to the size that its own settings allow (1 GB), whoever writes.
    writeAheadLog: postgresFolder === null ? bytesOf(join(dataFolder, "windlass.db-wal")) : null,
    logs: bytesOf(join(dataFolder, "logs")),
  };
  return { values, lagMs: metric('nodejs_eventloop_lag_seconds{quantile="1"}') * 1_000 };
}

const KIB = 1024;

function residentBytes(pid: number): number {
  return statusOf(pid, "VmRSS") * KIB;
}

function statusOf(pid: number, field: string): number {
  const line = readFileSync(`/proc/${pid}/status`, "utf8")
    .split("\n")
    .find((text) => text.startsWith(`${field}:`));
  return Number.parseInt(line?.slice(field.length + 1) ?? "", 10);
}

/** Files, pipes and connections. */
function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Of a file, or of all below a folder; what goes away meanwhile counts nothing. */
function bytesOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.size;
  try {
    return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
  } catch {
    return 0;
  }
}
