/**
 * What is kept of an attempt in its folder, so that a restart of either side knows it.
 *
 * A1. The folder is made before anything is started: who finds it made starts nothing (X1).
 * A2. Without a whole `spec.json` nothing was started; with `exit.json`, which appears whole or not at all, it has ended.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { EndedFact } from "@windlass/ports";
import { attemptFolder, processesFolder } from "./folder-layout.ts";
import { bootId, readProcess } from "./process-table.ts";
import type { LaunchOrder } from "./protocol.ts";

export interface LaunchRecord {
  readonly name: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly ref: string;
  readonly launchedAt: number;
}

export type KeptAttempt =
  | { readonly state: "ended"; readonly fact: EndedFact }
  | { readonly state: "open"; readonly launch: LaunchRecord; readonly pid: number | null };

/** Prefix of folders that are being removed; no name of an attempt begins with a dot. */
const GONE = ".gone-";

/** False when there already is such an attempt. See A1. */
export function makeAttemptFolder(data: string, order: LaunchOrder, now: number): boolean {
  const folder = attemptFolder(data, order.name);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
  const { name, jobId, attempt, ref } = order;
  const record: LaunchRecord = { name, jobId, attempt, ref, launchedAt: now };
  try {
    writeFileSync(join(folder, "spec.json"), JSON.stringify({ ...record, spec: order.spec }), { mode: 0o600 });
  } catch (error) {
    // A full disk: without its folder the name may be launched when there is room again.
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return true;
}

/** With its start and the boot, so that a process that got the same pid later is not taken for it. */
export function writePid(data: string, name: string, pid: number): void {
  const startTicks = readProcess(pid)?.startTicks ?? -1;
  writeWhole(attemptFolder(data, name), "pid", `${pid} ${startTicks} ${bootId()}`);
}

export function writeEnd(data: string, fact: EndedFact): void {
  writeWhole(attemptFolder(data, fact.name), "exit.json", JSON.stringify(fact));
}

/** Null when there is none, or when nothing was started. */
export function readAttempt(data: string, name: string): KeptAttempt | null {
  const folder = attemptFolder(data, name);
  const fact = readJson(join(folder, "exit.json")) as EndedFact | null;
  if (fact !== null) return { state: "ended", fact };
  const launch = readJson(join(folder, "spec.json")) as LaunchRecord | null;
  return launch === null ? null : { state: "open", launch, pid: livingPid(folder) };
}

export function attemptNames(data: string): string[] {
  return readdirSync(processesFolder(data)).filter((name) => !name.startsWith("."));
}

/** Gone at once for everybody; the files follow. */
export async function removeAttempt(data: string, name: string): Promise<void> {
  const gone = join(processesFolder(data), `${GONE}${name}`);
  rmSync(gone, { recursive: true, force: true });
  try {
    renameSync(attemptFolder(data, name), gone);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
    throw error;
  }
  await rm(gone, { recursive: true, force: true });
}

/** Ends removals that were cut short. */
export function sweepRemoved(data: string): void {
  for (const name of readdirSync(processesFolder(data))) {
    if (name.startsWith(GONE)) rmSync(join(processesFolder(data), name), { recursive: true, force: true });
  }
}

function livingPid(folder: string): number | null {
  const [pid, startTicks, boot] = readText(join(folder, "pid"))?.split(" ") ?? [];
  if (pid === undefined || boot !== bootId()) return null;
  const found = readProcess(Number(pid));
  return found !== null && found.startTicks === Number(startTicks) ? Number(pid) : null;
}

/** Renamed into place: survives the death of the writer, never read half. */
function writeWhole(folder: string, file: string, text: string): void {
  const path = join(folder, file);
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

function readJson(path: string): object | null {
  const text = readText(path);
  try {
    return text === null ? null : (JSON.parse(text) as object);
  } catch {
    // Torn by a power cut: the same as not written.
    return null;
  }
}
