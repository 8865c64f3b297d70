/** A disk of a few megabytes that a test may fill: a tmpfs, where mounting is allowed. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "@windlass/kernel";

export interface SmallDisk {
  /** Takes all the room that is left. */
  fill(): void;
  /** Gives it back. */
  free(): void;
  remove(): void;
}

const FILLER = "filler";
const PIECE_BYTES = 4_096;

/** Null, with a printed reason, where mounting is not allowed. */
export function smallDisk(folder: string, bytes: number): SmallDisk | null {
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes},mode=700`, "tmpfs", folder], { stdio: ["ignore", "ignore", "pipe"] });
  } catch (error) {
    process.stderr.write(`skipped: no small disk can be mounted here (${messageOf(error).trim()})\n`);
    return null;
  }
  return {
    fill() {
      const file = openSync(join(folder, FILLER), "a");
      try {
        for (;;) writeSync(file, Buffer.alloc(PIECE_BYTES));
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(join(folder, FILLER), { force: true }),
    // Lazily: whatever still has a file open keeps it only for itself.
    remove: () => void execFileSync("umount", ["-l", folder]),
  };
}
