import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { removeAddress, writeAddress } from "../compose/data-folder.ts";
import { lookupOf, targetOf } from "./connect.ts";

const folder = { path: "/data", token: "wl_own", server: { url: "http://127.0.0.1:5000", pid: 1, role: "server" } } as const;
const empty = { path: "/data", token: null, server: null };

test("the server of the data folder is found with its token", () => {
  expect(targetOf({ options: {}, environment: {}, folder })).toEqual({ url: "http://127.0.0.1:5000", token: "wl_own", missing: null });
});

test("without one the usual address is tried, without a token", () => {
  expect(targetOf({ options: {}, environment: {}, folder: empty })).toEqual({
    url: "http://127.0.0.1:4180",
    token: undefined,
    missing: null,
  });
});

test.each([
  [{ data: "/data" }, {}],
  [{}, { WINDLASS_DATA: "/data" }],
])("a data folder that was named has its own server or none: %j %j", (options, environment) => {
  const { missing } = targetOf({ options, environment, folder: empty });
  expect(missing).toMatchObject({
    code: "unreachable",
    message: expect.stringMatching(/^no server runs for the data folder \/data; .*windlass server --data \/data/u),
  });
  expect(targetOf({ options, environment, folder }).missing).toBeNull();
  expect(targetOf({ options: { ...options, server: "http://10.0.0.2:1" }, environment, folder: empty }).missing).toBeNull();
});

test("a folder with a token had a server: it is that one or none, and its token goes to no other", () => {
  const left = { ...folder, server: null };
  expect(targetOf({ options: {}, environment: {}, folder: left })).toMatchObject({
    token: undefined,
    missing: { message: expect.stringMatching(/^no server runs for the data folder \/data/u) },
  });
  // Who has another token means another server: of a cluster, its port is passed on to the usual one here.
  const usual = { url: "http://127.0.0.1:4180", token: "wl_other", missing: null };
  expect(targetOf({ options: { token: "wl_other" }, environment: {}, folder: left })).toEqual(usual);
  expect(targetOf({ options: {}, environment: { WINDLASS_TOKEN: "wl_other" }, folder: left })).toEqual(usual);
  expect(targetOf({ options: { server: "http://localhost:9" }, environment: {}, folder: left })).toMatchObject({
    token: "wl_own",
    missing: null,
  });
});

test("who looks again finds the server at its new address, and no other while it is away, whatever the token", () => {
  const here = mkdtempSync(join(tmpdir(), "windlass-lookup-"));
  const inFolder = vi.spyOn(process, "cwd").mockReturnValue(here);
  try {
    const lookup = lookupOf({ options: { token: "wl_worker" }, environment: {} });
    expect(lookup()).toMatchObject({ url: "http://127.0.0.1:4180", missing: null });
    const own = join(here, ".windlass");
    mkdirSync(own);
    for (const url of ["http://127.0.0.1:5000", "http://127.0.0.1:5001"]) {
      writeAddress(own, { url, pid: 1, role: "server" });
      expect(lookup()).toEqual({ url, token: "wl_worker", missing: null });
      removeAddress(own);
      expect(lookup().missing).toMatchObject({ code: "unreachable" });
    }
  } finally {
    inFolder.mockRestore();
    rmSync(here, { recursive: true });
  }
});

test("what is named goes before the environment, and that before the data folder", () => {
  const environment = { WINDLASS_URL: "http://10.0.0.1:1/", WINDLASS_TOKEN: "wl_env" };
  expect(targetOf({ options: {}, environment, folder })).toMatchObject({ url: "http://10.0.0.1:1", token: "wl_env" });
  expect(targetOf({ options: { server: "http://10.0.0.2:1", token: "wl_flag" }, environment, folder })).toMatchObject({
    url: "http://10.0.0.2:1",
    token: "wl_flag",
  });
});

test("the token of a data folder goes to no other machine", () => {
  expect(targetOf({ options: { server: "https://example.org" }, environment: {}, folder }).token).toBeUndefined();
  expect(targetOf({ options: { server: "http://127.0.0.1.example.org" }, environment: {}, folder }).token).toBeUndefined();
  expect(targetOf({ options: { server: "http://localhost:9" }, environment: {}, folder }).token).toBe("wl_own");
});
