/** Names and sizes of files, and what no file may say. */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { filesBelow, root, sourceFiles } from "./source-files.ts";

/** No file is longer: a longer one holds two things. */
const LINES_MAX = 400;

/** Names that say nothing about what is inside. */
const EMPTY_WORDS = ["util", "utils", "helper", "helpers", "common", "misc", "types", "manager", "base", "impl"];

const files = sourceFiles();
const allPaths = filesBelow("");
const textual = allPaths.filter((path) => !/\.(png|jpg|gif|ico|woff2?|gz|zst|db)$/u.test(path));

test("files are seen", () => {
  expect(files.length).toBeGreaterThan(60);
  expect(textual.length).toBeGreaterThan(90);
});

test(`no source file has more than ${LINES_MAX} lines`, () => {
  const long = files
    .map((file) => ({ path: file.path, lines: file.text.trimEnd().split("\n").length }))
    .filter(({ lines }) => lines > LINES_MAX);
  expect(long.map(({ path, lines }) => `${path}: ${lines} lines`)).toEqual([]);
});

test("source files are named in kebab-case", () => {
  const odd = files.filter((file) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.real)?(\.test)?\.(ts|mjs|js)$/u.test(basename(file.path)));
  expect(odd.map((file) => file.path)).toEqual([]);
});

test("no source file has a name that says nothing", () => {
  const empty = files.filter((file) => {
    const words = file.path
      .split("/")
      .slice(-2)
      .flatMap((part) => part.split(/[.-]/u));
    return words.some((word) => EMPTY_WORDS.includes(word));
  });
  expect(empty.map((file) => file.path)).toEqual([]);
});

test("every source file belongs to a package or a shared folder, and tests lie beside what they test", () => {
  const lost = files.filter(
    (file) => !/^((packages|modules|drivers|programs)\/[a-z0-9-]+\/(src|bin)|scripts|test|bench|examples)\//u.test(file.path),
  );
  expect(lost.map((file) => file.path)).toEqual([]);
});

test("no file names a path of somebody's machine", () => {
  // Written with character classes, so that this file does not name one itself.
  const machine = /\/wor[k]\/(main|shared|seed)\b|\/roo[t]\/|\/User[s]\/[a-z]|\/hom[e]\/[a-z]+\/[a-z]/u;
  const faults = textual.flatMap((path) =>
    readFileSync(join(root, path), "utf8")
      .split("\n")
      .flatMap((line, index) => (machine.test(line) ? [`${path}:${index + 1} ${line.trim().slice(0, 120)}`] : [])),
  );
  expect(faults).toEqual([]);
});

test("the lock file names no registry: which one is used is the machine's business", () => {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { resolved?: string; link?: boolean }>;
  };
  const entries = Object.entries(lock.packages);
  expect(entries.length).toBeGreaterThan(100);
  const named = entries.filter(([, { resolved, link }]) => link !== true && resolved !== undefined);
  expect(named.map(([path]) => path)).toEqual([]);
});
