import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { prepareDataFolder, readDataFolder, removeAddress, writeAddress } from "./data-folder.ts";

let above = "";
beforeEach(() => {
  above = mkdtempSync(join(tmpdir(), "windlass-data-"));
});
afterEach(() => rmSync(above, { recursive: true, force: true }));

const random = { next: () => 0, bytes: (count: number) => new Uint8Array(count).fill(7) };

test("a folder and its token are for their owner's eyes only, and the token stays", () => {
  const made = prepareDataFolder(join(above, "a", "data"), random);
  expect(statSync(made.path).mode & 0o777).toBe(0o700);
  expect(statSync(join(made.path, "token")).mode & 0o777).toBe(0o600);
  expect(made.token).toMatch(/^wl_[\w-]{32}$/u);
  const again = prepareDataFolder(made.path, { ...random, bytes: (count) => new Uint8Array(count) });
  expect(again.token).toBe(made.token);
  expect(readDataFolder(made.path).token).toBe(made.token);
});

test("an address is read as it was written, and one that is cut off is none", () => {
  const address = { url: "http://127.0.0.1:1", pid: 5, role: "run" } as const;
  writeAddress(above, address);
  expect(readDataFolder(above).server).toEqual(address);
  writeFileSync(join(above, "server.json"), '{"url": "htt');
  expect(readDataFolder(above).server).toBeNull();
  removeAddress(above);
  removeAddress(above);
  expect(readDataFolder(above).server).toBeNull();
});

test("a folder that does not exist has nothing, and a file is no folder", () => {
  expect(readDataFolder(join(above, "none"))).toMatchObject({ token: null, server: null });
  writeFileSync(join(above, "file"), "");
  expect(() => prepareDataFolder(join(above, "file"), random)).toThrow(expect.objectContaining({ code: "data_folder_unusable" }));
});

test("a folder that cannot be made is said at once, also where the system would let one try for ever", () => {
  expect(() => prepareDataFolder("/proc/windlass/data", random)).toThrow(expect.objectContaining({ code: "data_folder_unusable" }));
});
