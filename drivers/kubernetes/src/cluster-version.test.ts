import { expect, test } from "vitest";
import { versionOf } from "./cluster-version.ts";

test.each([
  [
    { major: "1", minor: "34", gitVersion: "v1.34.4" },
    { told: "v1.34.4", isSupported: true },
  ],
  [
    { major: "1", minor: "29+" },
    { told: "1.29+", isSupported: true },
  ],
  [
    { major: "1", minor: "28", gitVersion: "v1.28.15-eks" },
    { told: "v1.28.15-eks", isSupported: false },
  ],
  ["a page", { isSupported: true }],
])("%j", (body, version) => {
  expect(versionOf(body)).toMatchObject(version);
});
