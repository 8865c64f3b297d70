/**
 * What a measurement has started and made ends with it: also when it fails, and when somebody presses Ctrl-C.
 * Last made, first ended.
 */
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

/** Runs a measurement and ends the process with its exit code, leaving nothing behind. */
export async function runAndCleanUp(work: () => Promise<void>): Promise<never> {
  let code = 0;
  const interrupted = new Promise<void>((resolve) => {
    for (const [signal, number] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
      ["SIGHUP", 129],
    ] as const)
      process.once(signal, () => {
        code = number;
        resolve();
      });
  });
  await Promise.race([
    interrupted,
    work().catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      code = 1;
    }),
  ]);
  for (const end of [...ends].toReversed()) {
    ends.delete(end);
    await Promise.resolve(end()).catch((error: unknown) => process.stderr.write(`could not be ended: ${String(error)}\n`));
  }
  // Handles of a peer's library may still be open, and an interrupted measurement is in the middle of its work.
  process.exit(code);
}
