import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { backupFolderOf, placeBelow } from "./backup-folder.ts";

let data: string;
let root: string;
beforeEach(() => {
  data = realpathSync(mkdtempSync(join(tmpdir(), "windlass-backups-")));
  root = backupFolderOf(data, "");
});
afterEach(() => rmSync(data, { recursive: true }));

test("back-ups lie in the data folder, or where the setting says", () => {
  expect([root, backupFolderOf(data, "other"), backupFolderOf(data, "/var/backups")]).toEqual([
    join(data, "backups"),
    join(data, "other"),
    "/var/backups",
  ]);
});

test("a name, a path of names, and an absolute path below the folder are taken", () => {
  expect(placeBelow(root, "monday")).toBe(join(root, "monday"));
  expect(placeBelow(root, "2026/..monday")).toBe(join(root, "2026", "..monday"));
  expect(placeBelow(root, join(root, "a"))).toBe(join(root, "a"));
  expect(placeBelow(root, "..monday")).toBe(join(root, "..monday"));
  expect(placeBelow(root, "a/../b")).toBe(join(root, "b"));
});

test.each(["..", "../outside", "a/../../outside", ".", "a/..", "/etc/windlass", "a\0b"])("%j is refused, with what is allowed", (asked) => {
  expect(() => placeBelow(root, asked)).toThrow(
    expect.objectContaining({ code: "invalid", faults: [{ path: "folder", message: expect.stringContaining(root) }] }),
  );
});

test("a place that a symbolic link leads away from is refused; a folder that is reached by one itself is none of a caller's business", () => {
  mkdirSync(join(data, "elsewhere"));
  mkdirSync(root);
  symlinkSync(join(data, "elsewhere"), join(root, "link"));
  symlinkSync(join(data, "nothing"), join(root, "dangling"));
  for (const asked of ["link/monday", "link", "dangling", "dangling/monday"])
    expect(() => placeBelow(root, asked), asked).toThrow("symbolic link");
  symlinkSync(root, join(data, "by-link"));
  expect(placeBelow(join(data, "by-link"), "monday")).toBe(join(data, "by-link", "monday"));
});
