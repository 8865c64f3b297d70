import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readDataFolder, writeAddress } from "../compose/data-folder.ts";
import { takeOwnerLock } from "../compose/owner-lock.ts";
import { checksOfMachine } from "./checks-of-machine.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-doctor-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const look = async (name: string) =>
  checksOfMachine({ folder: readDataFolder(folder), host: "127.0.0.1", port: 0 })
    .find((check) => check.name === name)
    ?.look();

test("what a server that is gone left behind is believed by nobody, though its number is that of another process now", async () => {
  writeAddress(folder, { url: "http://127.0.0.1:4999", pid: process.ppid, role: "server" });
  expect(await look("owner")).toMatchObject({ status: "warning", found: expect.stringContaining("is gone without leaving") });
  expect(await look("port")).toEqual({ found: "127.0.0.1:0 is free" });
});

test("a server that has the data folder is told with its port, whatever number its process has", async () => {
  const lock = takeOwnerLock(folder);
  writeAddress(folder, { url: "http://127.0.0.1:4999", pid: 4_194_305, role: "server" });
  expect(await look("owner")).toEqual({ found: "process 4194305 at http://127.0.0.1:4999" });
  expect(await look("port")).toEqual({ found: "4999, by the server of this data folder" });
  lock?.release();
});
