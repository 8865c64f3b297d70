import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { faultsOfPackage } from "./check-package.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-package-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const MANIFEST = {
  name: "good",
  exports: { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" }, "./package.json": "./package.json" },
  dependencies: { "@other/one": "1.0.0", two: "^2.0.0" },
};
const GOOD: Readonly<Record<string, string>> = {
  "package.json": JSON.stringify(MANIFEST),
  "README.md": "# good",
  LICENSE: "yes",
  "dist/index.js":
    'import "node:fs";\nimport { one } from "@other/one/door";\nexport * from "./two.js";\n// like import x from "./nowhere.ts"\n',
  "dist/index.js.map": JSON.stringify({ sources: ["../src/index.ts"], sourcesContent: [""] }),
  "dist/index.d.ts": 'export * from "./two.js";\nexport declare const x: import("two").Two;\n',
  "dist/two.js": "",
  "dist/two.d.ts": "",
};

async function faultsWith(files: Readonly<Record<string, string>>): Promise<string[]> {
  for (const [path, text] of Object.entries({ ...GOOD, ...files })) {
    await mkdir(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return faultsOfPackage(folder);
}

test("a package that is fit has no fault", async () => {
  expect(await faultsWith({})).toEqual([]);
});

const manifest = (more: object): Readonly<Record<string, string>> => ({ "package.json": JSON.stringify({ ...MANIFEST, ...more }) });

test.each<[string, Readonly<Record<string, string>>, string]>([
  ["a source", { "dist/three.ts": "" }, "dist/three.ts is TypeScript"],
  ["a source that is imported", { "dist/two.js": 'export * from "./index.ts";' }, "dist/two.js imports ./index.ts, which is missing"],
  ["a file that is not there", { "dist/two.d.ts": 'export * from "./three.js";' }, "dist/two.d.ts imports ./three.js, which is missing"],
  ["what is no dependency", { "dist/two.js": 'await import("zod");' }, "dist/two.js imports zod, which is no dependency"],
  [
    "a type of what is no dependency",
    { "dist/two.d.ts": 'export type X = import("zod").X;' },
    "dist/two.d.ts imports zod, which is no dependency",
  ],
  ["a built-in without its mark", { "dist/two.js": 'import "fs";' }, "dist/two.js imports fs without node:"],
  ["a map without its source", { "dist/index.js.map": '{"sources":["../src/index.ts"]}' }, "dist/index.js.map does not hold its source"],
  [
    "a path of this machine",
    { "dist/index.js.map": '{"sources":["../../x.ts"],"sourcesContent":[""]}' },
    "dist/index.js.map names ../../x.ts",
  ],
  ["a link to nowhere", { "README.md": "[all](../docs/x.md)" }, "README.md links to ../docs/x.md"],
  ["a private package", manifest({ private: true }), "package.json says private"],
  ["private imports", manifest({ imports: {} }), "package.json has private imports"],
  [
    "a range of this repository",
    manifest({ dependencies: { ...MANIFEST.dependencies, three: "workspace:*" } }),
    "three is wanted as workspace:*, which no registry knows",
  ],
  [
    "a condition of ours",
    manifest({ exports: { ".": { source: "./dist/index.js" } } }),
    "the door . has the condition source; allowed are types, default",
  ],
  ["a door to nowhere", manifest({ exports: { ".": "./dist/none.js" } }), "the door . leads to ./dist/none.js, which is missing"],
])("%s is found", async (_what, files, fault) => {
  expect(await faultsWith(files)).toEqual([fault]);
});
