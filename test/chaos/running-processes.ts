/** What the system says of processes that we started, found by pid: those below PostgreSQL, supervisors, jobs. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { processesMarked, readProcesses } from "../../drivers/process/src/process-table.ts";
import { EFFECTS_VARIABLE } from "./effects.ts";

/** The supervisor of a data folder, when it runs. Its pid may be stale: the name of the process says whose it is. */
export function supervisorOf(dataFolder: string): number | null {
  const pid = Number(textOf(join(dataFolder, "supervisor", "pid")));
  return pid > 1 && textOf(`/proc/${pid}/cmdline`).startsWith(`windlass-supervisor ${dataFolder}`) ? pid : null;
}

/** Children of PostgreSQL that serve a connection of Windlass. */
export function backendsOf(postmaster: number): number[] {
  return childrenOf(postmaster).filter((pid) => textOf(`/proc/${pid}/cmdline`).includes("windlass"));
}

export function childrenOf(parent: number): number[] {
  return readProcesses().flatMap((entry) => (entry.parent === parent ? [entry.pid] : []));
}

/** What each thread of a process is at: its name, its state (D waits for a disk), and where in the kernel it waits. */
export function threadsOf(pid: number): string[] {
  const tasks = `/proc/${pid}/task`;
  return namesIn(tasks).map((thread) => {
    const [name, stat, waits] = ["comm", "stat", "wchan"].map((file) => textOf(join(tasks, thread, file)).trim());
    return `${name} ${stat?.replace(/^.*\) /u, "").slice(0, 1)} ${waits}`;
  });
}

/** Runners of isolated executions that are still there, of these supervisors' servers. */
export function runnersBelow(dataFolder: string): number[] {
  const supervisor = supervisorOf(dataFolder);
  if (supervisor === null) return [];
  return childrenOf(supervisor).filter((pid) => textOf(`/proc/${pid}/cmdline`).includes("windlass.js\0runner"));
}

/** Processes of jobs of this round that are still there. */
export function jobProcesses(effectsFile: string): number[] {
  return [...processesMarked(new Set([`${EFFECTS_VARIABLE}=${effectsFile}`])).keys()].filter((pid) =>
    textOf(`/proc/${pid}/environ`).includes("WINDLASS_LAUNCH="),
  );
}

/** False when it was gone already. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // It has ended.
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Not there (any more).
    return "";
  }
}
