/** Reads the system's table of processes (/proc, see proc(5)). What vanishes while it is read is left out. */
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessEntry {
  readonly pid: number;
  /** R, S, D, Z, … */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since the boot: with the pid it names a process for as long as the machine is up. */
  readonly startTicks: number;
}

export function readProcess(pid: number): ProcessEntry | null {
  const text = readOf(pid, "stat");
  if (text === null) return null;
  // The name, in parentheses, may itself have spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    pid,
    state: fields[0] ?? "",
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTicks: Number(fields[19]),
  };
}

export function readProcesses(): ProcessEntry[] {
  return pids().flatMap((pid) => readProcess(pid) ?? []);
}

/** Pids of all processes whose environment at their start has one of these lines (`NAME=value`), with that line. */
export function processesMarked(lines: ReadonlySet<string>): Map<number, string> {
  const found = new Map<number, string>();
  for (const pid of pids()) {
    const environment = readOf(pid, "environ");
    if (environment === null || environment === "") continue;
    const line = environment.split("\0").find((it) => lines.has(it));
    if (line !== undefined) found.set(pid, line);
  }
  return found;
}

/** Bytes in memory as the process sees them; pages that are shared count in each. */
export function residentBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB/mu.exec(readOf(pid, "status") ?? "");
  return match === null ? 0 : Number(match[1]) * 1024;
}

/** Bytes in memory with shared pages divided among those who share them; dearer to read. Null when not known. */
export function proportionalBytes(pid: number): number | null {
  const match = /^Pss:\s+(\d+) kB/mu.exec(readOf(pid, "smaps_rollup") ?? "");
  return match === null ? null : Number(match[1]) * 1024;
}

/** Changes with each boot. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}

function pids(): number[] {
  return readdirSync("/proc").flatMap((name) => (/^\d+$/u.test(name) ? [Number(name)] : []));
}

function readOf(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    // Gone meanwhile, or not ours to read.
    return null;
  }
}
