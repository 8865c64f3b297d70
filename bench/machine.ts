/** What a figure hangs on besides the program: printed above every table. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { findPostgres } from "@windlass/testkit/postgres";

const PEERS = ["bullmq", "graphile-worker", "pg-boss"] as const;

export type Machine = Readonly<Record<string, string>>;

export function machine(): Machine {
  return {
    cpu: `${cpus()[0]?.model.trim() ?? "unknown"}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GB`,
    system: `${process.platform} ${release()}`,
    "load before": loadavg()
      .map((load) => load.toFixed(1))
      .join(" "),
    node: `${process.version}, SQLite ${process.versions["sqlite"] ?? "unknown"}`,
    redis: versionOf("redis-server", "--version"),
    postgres: versionOf(join(findPostgres(process.env) ?? "", "postgres"), "--version"),
    ...Object.fromEntries(PEERS.map((peer) => [peer, installed(peer)])),
  };
}

function versionOf(program: string, flag: string): string {
  try {
    const said = execFileSync(program, [flag], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return /\d+(\.\d+)+/u.exec(said)?.[0] ?? said.trim();
  } catch {
    return "not installed";
  }
}

function installed(name: string): string {
  const file = join(import.meta.dirname, "..", "node_modules", name, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
