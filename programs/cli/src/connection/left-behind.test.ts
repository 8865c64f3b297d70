import { mkdtempSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf, WindlassError } from "@windlass/kernel";
import { afterEach, beforeEach, expect, test } from "vitest";
import { removeAddress, writeAddress } from "../compose/data-folder.ts";
import { takeOwnerLock } from "../compose/owner-lock.ts";
import { explained } from "./left-behind.ts";

const url = "http://127.0.0.1:5000";
const address = { url, pid: process.pid, host: hostname(), role: "server" } as const;
const silence = new WindlassError("unreachable", `no Windlass server answers at ${url}; start one`);

let data = "";
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "windlass-left-"));
  writeAddress(data, address);
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

const told = (more: object = {}): string => messageOf(explained(silence, { options: { data, ...more }, environment: {} }));

test("a server that has left its address and not its lock ended without tidying up, whoever has its number now", () => {
  expect(told()).toBe(
    `the last server of the data folder ${data} (process ${process.pid}) ended without tidying up: no Windlass server answers at ${url}; start one`,
  );
  writeAddress(data, { ...address, role: "run" });
  expect(told()).toMatch(/^the last windlass run --local of the data folder /u);
});

test("one that has the folder and does not answer is there", () => {
  const lock = takeOwnerLock(data);
  expect(told()).toBe(silence.message);
  lock?.release();
  expect(told()).not.toBe(silence.message);
});

test("of another server, of one on another machine or in a container, and where there is none, nothing more is known", () => {
  expect(told({ server: "http://127.0.0.1:5001" })).toBe(silence.message);
  for (const other of [{ ...address, host: "another" }, { url, pid: 1, role: "server" } as const]) {
    writeAddress(data, other);
    expect(told()).toBe(silence.message);
  }
  removeAddress(data);
  expect(told()).toBe(silence.message);
});
