/**
 * What the CLI loads before it knows what it is asked for. `windlass --help` and `windlass jobs list` start in well
 * under half a second because this list is short: everything else is behind an `import()`.
 */
import { expect, test } from "vitest";
import { reachedFrom } from "./module-graph.ts";

const ENTRY = "programs/cli/src/main.ts";

/** Files of ours, by the beginning of their path. */
const OUR_FILES = ["programs/cli/src/", "packages/kernel/src/"];

/** Packages from the registry, and built-in modules that cost nothing to load. */
const OUTSIDE = [
  "commander",
  "node:fs",
  "node:fs/promises",
  "node:module",
  "node:os",
  "node:path",
  "node:process",
  "node:url",
  "node:util",
];

const reached = reachedFrom(ENTRY);
const tell = (found: (typeof reached)[number]): string =>
  [...found.via, found.target.type === "file" ? found.target.path : found.target.specifier].join(" → ");

test("the CLI's eager imports are seen", () => {
  expect(reached.length).toBeGreaterThan(3);
});

test("the CLI loads no driver, server, module or schema before it needs one", () => {
  const faults = reached.filter(({ target }) => target.type === "file" && !OUR_FILES.some((prefix) => target.path.startsWith(prefix)));
  expect(faults.map(tell)).toEqual([]);
});

test("the CLI loads no library and no heavy built-in before it needs one", () => {
  const faults = reached.filter(({ target }) => target.type === "outside" && !OUTSIDE.includes(target.specifier));
  expect(faults.map(tell)).toEqual([]);
});
