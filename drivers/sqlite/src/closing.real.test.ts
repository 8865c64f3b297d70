import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("a program that has nothing else to do does not end before its store is closed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "windlass-closing-"));
  try {
    const program = join(import.meta.dirname, "closing-fixture.ts");
    // Node ends with 13 what waits for a promise that nobody can settle any more.
    const { stdout } = await promisify(execFile)(process.execPath, [program, join(folder, "windlass.db")]);
    expect(stdout).toBe("closed");
  } finally {
    await rm(folder, { recursive: true });
  }
});
