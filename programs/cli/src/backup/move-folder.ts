/** Moves a back-up to where it is to be, also to another disk: it appears there whole, or not at all. */
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { WindlassError } from "@windlass/kernel";

/** Throws `conflict` where something is there already; then `from` stays. */
export function moveFolder(from: string, to: string): void {
  if (existsSync(to)) throw new WindlassError("conflict", `${to} is there already; the back-up is ${from}`);
  mkdirSync(dirname(to), { recursive: true });
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    const partial = `${to}.partial-${process.pid}`;
    cpSync(from, partial, { recursive: true, preserveTimestamps: true });
    renameSync(partial, to);
    rmSync(from, { recursive: true });
  }
}
