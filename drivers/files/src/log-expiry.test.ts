import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { expireLog, refuseRemoved, usageOf } from "./log-expiry.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "windlass-expiry-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("a removal that was cut short after its mark is known as one, and finished by the next", async () => {
  await mkdir(join(root, "job_1"));
  for (const [name, text] of [
    ["removed", "2026-01-01T00:00:00.000Z\n"],
    ["1.stdout.log", "left over"],
  ] as const)
    writeFileSync(join(root, "job_1", name), text);
  await expect(refuseRemoved(root, "job_1")).rejects.toMatchObject({ code: "log_removed" });
  expect(await usageOf(root, "job_1")).toMatchObject({ bytes: 9, removed: true });
  await expireLog(root, "job_1", 0);
  expect(existsSync(join(root, "job_1/1.stdout.log"))).toBe(false);
  await expect(refuseRemoved(root, "job_1")).rejects.toMatchObject({ message: expect.stringContaining("2026-01-01T00:00:00.000Z") });
});
