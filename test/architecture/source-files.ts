/**
 * The repository's own source files, and what each imports, read by a parser. Every architecture test asks this and
 * asserts that it saw files: a test that looks at nothing must not pass.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseSync, type Program } from "oxc-parser";

export const root = join(import.meta.dirname, "..", "..");

/** Where packages live: each folder in one of these is a package. */
const PACKAGE_GROUPS = ["packages", "modules", "drivers", "programs"] as const;

/** Folders of the whole, beside the packages; not all need be there. */
const SHARED_FOLDERS = ["scripts", "test", "bench", "examples"] as const;

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** `value` is loaded with its importer; `type` is erased; `lazy` is loaded when asked for. */
  readonly mode: "value" | "type" | "lazy";
}

export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  /** The package it belongs to (`packages/kernel`), or the shared folder. */
  readonly owner: string;
  /** A test, or what only tests use: `*-fixture.ts`. */
  readonly isTest: boolean;
  readonly text: string;
  readonly program: Program;
  readonly imports: readonly Import[];
}

const IGNORED = new Set(["node_modules", ".git", ".windlass", ".cache", "coverage", "tmp", "dist"]);

/** Paths of all files below `folder`, without what is installed, generated at run time or not ours. */
export function filesBelow(folder: string): string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true }).filter((entry) => !IGNORED.has(entry.name));
  const paths = entries.flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
  return paths.toSorted();
}

/** The folders of all packages: `packages/kernel`, `drivers/sqlite` … */
export function packageFolders(): string[] {
  return PACKAGE_GROUPS.flatMap((group) =>
    readdirSync(join(root, group), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && filesBelow(`${group}/${entry.name}`).length > 0)
      .map((entry) => `${group}/${entry.name}`),
  ).toSorted();
}

let known: readonly SourceFile[] | undefined;

/** All source files of packages and shared folders, parsed once. */
export function sourceFiles(): readonly SourceFile[] {
  known ??= [...PACKAGE_GROUPS, ...SHARED_FOLDERS]
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => filesBelow(folder))
    .filter((path) => /\.(ts|mts|mjs|js)$/u.test(path))
    .map(readSource);
  return known;
}

/** Source files of packages that are neither tests nor part of the test kit. */
export function productFiles(): readonly SourceFile[] {
  return sourceFiles().filter((file) => isPackage(file.owner) && file.owner !== "packages/testkit" && !file.isTest);
}

export function isPackage(owner: string): boolean {
  return PACKAGE_GROUPS.some((group) => owner.startsWith(`${group}/`));
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(root, path), "utf8");
  return { path, text, owner: ownerOf(path), isTest: /(\.test|-fixture)\.ts$/u.test(path), ...parse(path, text) };
}

/** Parses one file. A file that cannot be parsed is a failure of the test that asked. */
export function parse(path: string, text: string): { program: Program; imports: Import[] } {
  const { program, module, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`);
  const lineOf = (offset: number): number => text.slice(0, offset).split("\n").length;
  const modeOf = (start: number): Import["mode"] => (/^(import|export)\s+type\b/u.test(text.slice(start, start + 40)) ? "type" : "value");
  const imports: Import[] = [];
  for (const { start, moduleRequest } of module.staticImports) {
    imports.push({ specifier: moduleRequest.value, line: lineOf(start), mode: modeOf(start) });
  }
  for (const { start, entries } of module.staticExports) {
    for (const specifier of new Set(entries.flatMap((entry) => entry.moduleRequest?.value ?? []))) {
      imports.push({ specifier, line: lineOf(start), mode: modeOf(start) });
    }
  }
  for (const { start, moduleRequest } of module.dynamicImports) {
    const literal = /^["'`]([^"'`$]+)["'`]$/u.exec(text.slice(moduleRequest.start, moduleRequest.end).trim());
    if (literal?.[1] !== undefined) imports.push({ specifier: literal[1], line: lineOf(start), mode: "lazy" });
  }
  return { program, imports };
}

function ownerOf(path: string): string {
  const [group = "", name = ""] = path.split("/");
  return isPackage(`${group}/`) ? `${group}/${name}` : group;
}
