import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { adminTokenOf } from "./admin-token.ts";
import { readDataFolder, writeToken } from "./data-folder.ts";

const KEPT = "wl_kept-kept-kept-kept";
const GIVEN = "wl_given-given-given";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-token-"));
  writeToken(folder, KEPT);
});
afterEach(() => rmSync(folder, { recursive: true }));

test("the token of the data folder stays unless one is given, which commands find there from then on", () => {
  expect(adminTokenOf({ folder, kept: KEPT, given: "" })).toBe(KEPT);
  expect(readDataFolder(folder).token).toBe(KEPT);
  expect(adminTokenOf({ folder, kept: KEPT, given: GIVEN })).toBe(GIVEN);
  expect(readDataFolder(folder).token).toBe(GIVEN);
  expect(statSync(join(folder, "token")).mode & 0o777).toBe(0o600);
});

test.each(["short", "with a space in the middle"])("%j is no token, and the one that is there stays", (given) => {
  expect(() => adminTokenOf({ folder, kept: KEPT, given })).toThrow(
    expect.objectContaining({ code: "invalid", message: expect.stringMatching(/characters|white space/u) }),
  );
  expect(readDataFolder(folder).token).toBe(KEPT);
});
