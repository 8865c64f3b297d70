import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stageProgram } from "./stage-program.ts";

test("what is staged runs by itself, and holds neither tests nor tools", () => {
  const folder = mkdtempSync(join(tmpdir(), "windlass-stage-"));
  try {
    stageProgram(folder);
    const main = join(folder, "programs/cli/bin/windlass.js");
    const told = execFileSync(process.execPath, [main, "server", "--help"], { encoding: "utf8", cwd: tmpdir() });
    expect(told).toContain("run the server");
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
    expect(files.filter((file) => !file.includes("node_modules") && /(?:\.test|-fixture)\.ts$/u.test(file))).toEqual([]);
    for (const absent of ["vitest", "typescript", "oxlint", "node", "@windlass/testkit"])
      expect(existsSync(join(folder, "node_modules", absent)), absent).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
