import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isOwned, takeOwnerLock } from "./owner-lock.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-lock-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("one holds it at a time, and it can be taken again", () => {
  const first = takeOwnerLock(folder);
  expect(first).not.toBeNull();
  expect(takeOwnerLock(folder)).toBeNull();
  first?.release();
  const second = takeOwnerLock(folder);
  expect(second).not.toBeNull();
  second?.release();
});

test("whoever looks is told whether it is held, and leaves nothing behind", () => {
  expect(isOwned(folder)).toBe(false);
  expect(isOwned(join(folder, "none"))).toBe(false);
  expect(readdirSync(folder)).toEqual([]);
  const lock = takeOwnerLock(folder);
  expect([isOwned(folder), isOwned(folder)]).toEqual([true, true]);
  expect(takeOwnerLock(folder)).toBeNull();
  lock?.release();
  expect(isOwned(folder)).toBe(false);
});

test("a holder that is killed holds it no more", async () => {
  const module = new URL("owner-lock.ts", import.meta.url).href;
  const program = `import(${JSON.stringify(module)}).then(({ takeOwnerLock }) => { globalThis.lock = takeOwnerLock(${JSON.stringify(folder)}); console.log(lock === null ? "no" : "yes"); setInterval(() => {}, 1000); })`;
  const holder = spawn(process.execPath, ["--eval", program], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [printed] = (await once(holder.stdout, "data")) as [Buffer];
    expect(printed.toString()).toBe("yes\n");
    expect(takeOwnerLock(folder)).toBeNull();
  } finally {
    holder.kill("SIGKILL");
    await once(holder, "exit");
  }
  const lock = takeOwnerLock(folder);
  expect(lock).not.toBeNull();
  lock?.release();
});

test("a folder that is not there is told as one that cannot be used", () => {
  expect(() => takeOwnerLock(join(folder, "none"))).toThrow(expect.objectContaining({ code: "data_folder_unusable" }));
});
