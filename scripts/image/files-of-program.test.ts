import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { foldersOfProgram, type Locked } from "./files-of-program.ts";
import { IMAGE_CONFIG, PROGRAM_FOLDER } from "./local-root.ts";

const LOCKED: Locked = {
  "": { dependencies: { tool: "1" } },
  "programs/one": { dependencies: { "@own/two": "1", lib: "1", "@types/lib": "1" }, optionalDependencies: { fast: "1", absent: "1" } },
  "packages/two": { dependencies: { lib: "2" } },
  "node_modules/@own/two": { resolved: "packages/two", link: true },
  "node_modules/lib": { dependencies: { deep: "1" }, peerDependencies: { tool: "1", nowhere: "1" } },
  "node_modules/lib/node_modules/deep": {},
  "node_modules/deep": {},
  "node_modules/fast": {},
  "node_modules/tool": {},
  "node_modules/@types/lib": {},
  "packages/two/node_modules/lib": { dependencies: { deep: "2" } },
};

test("what a program needs is found as Node would find it, and nothing else", () => {
  expect(foldersOfProgram(LOCKED, ["programs/one"])).toEqual([
    "node_modules/@own/two",
    "node_modules/deep",
    "node_modules/fast",
    "node_modules/lib",
    "node_modules/lib/node_modules/deep",
    "node_modules/tool",
    "packages/two",
    "packages/two/node_modules/lib",
    "programs/one",
  ]);
});

test("a dependency that the lock lacks is named", () => {
  expect(() => foldersOfProgram({ "programs/one": { dependencies: { lib: "1" } } }, ["programs/one"])).toThrow(
    "package-lock.json has no lib, which programs/one needs",
  );
});

test("an image of local files starts as that of Containerfile does", () => {
  const lines = readFileSync(join(import.meta.dirname, "..", "..", "Containerfile"), "utf8").split("\n");
  const said = (word: string): string => lines.findLast((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? "";
  expect(JSON.parse(said("ENTRYPOINT"))).toEqual(IMAGE_CONFIG.Entrypoint);
  expect(JSON.parse(said("CMD"))).toEqual(IMAGE_CONFIG.Cmd);
  expect(said("USER")).toBe(IMAGE_CONFIG.User);
  expect(said("WORKDIR")).toBe(IMAGE_CONFIG.WorkingDir);
  expect(said("COPY")).toBe(`--from=build ${PROGRAM_FOLDER} ${PROGRAM_FOLDER}`);
  expect(IMAGE_CONFIG.Env).toEqual(expect.arrayContaining(said("ENV").split(" ")));
  expect(IMAGE_CONFIG.ExposedPorts).toEqual({ [`${said("EXPOSE")}/tcp`]: {} });
});
