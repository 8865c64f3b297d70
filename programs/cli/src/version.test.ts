import { expect, test } from "vitest";
import manifest from "../package.json" with { type: "json" };
import { VERSION } from "./version.ts";

test("the program tells the version of its package", () => {
  expect(VERSION).toBe(manifest.version);
});
