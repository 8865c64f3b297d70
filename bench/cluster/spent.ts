/** What programs of this machine spent, by their ids, and what an API server was asked, by its own count. */
import { readdirSync, readFileSync } from "node:fs";
import type { ClusterClient } from "@windlass/kubernetes";

const TICKS_PER_SECOND = 100;
const MEGABYTE = 1_048_576;
const PAGE_BYTES = 4_096;

/** Seconds of processor time, of all threads. */
export function secondsOf(pid: number): number {
  const [, rest = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
  const fields = rest.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export function megabytesOf(pid: number): number {
  const [, resident = "0"] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
  return (Number(resident) * PAGE_BYTES) / MEGABYTE;
}

/** The one whose command line has all of these words. */
export function pidOf(...words: readonly string[]): number {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/u.test(name) && words.every((word) => commandOf(name).includes(word)));
  if (pids.length !== 1) throw new Error(`${pids.length} programs have ${words.join(" and ")} in their command line`);
  return Number(pids[0]);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** `VERB resource` → how many. */
export async function requestsOf(client: ClusterClient): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const { body } = await client.call("GET", "/metrics");
  for (const [, labels = "", count = "0"] of String(body).matchAll(/^apiserver_request_total\{([^}]*)\} (\S+)$/gmu)) {
    const label = (name: string): string => new RegExp(`(?:^|,)${name}="([^"]*)"`, "u").exec(labels)?.[1] ?? "";
    if (!["jobs", "pods", "events", "nodes", "secrets"].includes(label("resource"))) continue;
    const key = `${label("verb")} ${label("resource")}${label("subresource") === "" ? "" : `/${label("subresource")}`}${label("code") === "429" ? " refused (429)" : ""}`;
    counts.set(key, (counts.get(key) ?? 0) + Number(count));
  }
  return counts;
}
