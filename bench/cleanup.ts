/**
 * What a measurement has started and made ends with it: also when it fails, and when somebody presses Ctrl-C.
 * Last made, first ended. Other processes are ended by their pid.
 */
import { once } from "node:events";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type End = () => Promise<unknown> | void;

const ends = new Set<End>();

/** Registers what ends something. The function that comes back ends it now, once. */
export function endsLater(end: End): () => Promise<void> {
  ends.add(end);
  return async () => {
    if (ends.delete(end)) await end();
  };
}

/** A temporary folder, and what removes it. */
export function temporaryFolder(name: string): { readonly folder: string; readonly remove: () => Promise<void> } {
  const folder = mkdtempSync(join(tmpdir(), `windlass-bench-${name}-`));
  return { folder, remove: endsLater(() => rmSync(folder, { recursive: true, force: true })) };
}

/** A process that this one has started, and what ends it. */
export function endsWithUs(child: ChildProcess): () => Promise<void> {
  return endsLater(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await exited;
  });
}

const SIGNALS = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const;

/** Runs a measurement and ends this process with its exit code, leaving nothing behind. */
export async function runAndCleanUp(work: () => Promise<void>): Promise<never> {
  const code = await Promise.race([interrupted(), failed(work)]);
  for (const end of [...ends].toReversed()) {
    if (!ends.delete(end)) continue;
    await Promise.resolve(end()).catch((error: unknown) => process.stderr.write(`could not be ended: ${String(error)}\n`));
  }
  // Handles of a peer's library may still be open, and an interrupted measurement is in the middle of its work.
  process.exit(code);
}

function interrupted(): Promise<number> {
  return new Promise((resolve) => {
    for (const [signal, code] of SIGNALS) process.once(signal, () => resolve(code));
    // A peer's library that loses its connection, or a reader of our output that has gone.
    process.on("uncaughtException", (error) => {
      process.stderr.write(`${error.stack ?? error.message}\n`);
      resolve(1);
    });
  });
}

async function failed(work: () => Promise<void>): Promise<number> {
  try {
    await work();
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return 1;
  }
}
