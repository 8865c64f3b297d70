/** The import table, and that each import is declared where it is used (npm hoists, so an undeclared one works by luck). */
import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { IMPORT_TABLE, TESTS_MAY, type Row } from "./import-table.ts";
import { isPackage, packageFolders, root, sourceFiles, type Import, type SourceFile } from "./source-files.ts";

interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const readManifest = (folder: string): Manifest => JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as Manifest;

const manifests = new Map(packageFolders().map((folder) => [folder, readManifest(folder)]));
const folderOfName = new Map([...manifests].map(([folder, { name }]) => [name, folder]));
const rootManifest = readManifest(".");

const files = sourceFiles().filter((file) => isPackage(file.owner));
const each = files.flatMap((file) => file.imports.map((used) => ({ file, used })));
const where = (file: SourceFile, used: Import): string => `${file.path}:${used.line} imports ${used.specifier}`;

/** `@scope/name/door` → `@scope/name`. */
function packageNameOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

const isRelative = (specifier: string): boolean => specifier.startsWith(".");

function allows(row: Row, file: SourceFile, specifier: string): boolean {
  if (isBuiltin(specifier)) return specifier.startsWith("node:") && (row.builtins === "all" || row.builtins.includes(specifier));
  const name = packageNameOf(specifier);
  const folder = folderOfName.get(name);
  return folder === undefined ? row.libraries.includes(name) : row.packages.includes(folder) || folder === file.owner;
}

test("the packages and their imports are seen", () => {
  expect(manifests.size).toBeGreaterThanOrEqual(15);
  expect(files.length).toBeGreaterThan(40);
  expect(each.length).toBeGreaterThan(50);
});

test("every package has its row in the import table, and every row its package", () => {
  expect(Object.keys(IMPORT_TABLE).toSorted()).toEqual([...manifests.keys()]);
});

test("nothing is imported that the import table does not allow", () => {
  const faults = each
    .filter(({ used }) => !isRelative(used.specifier))
    .filter(({ file, used }) => {
      const row = IMPORT_TABLE[file.owner];
      return row !== undefined && !allows(row, file, used.specifier) && !(file.isTest && allows(TESTS_MAY, file, used.specifier));
    });
  expect(faults.map(({ file, used }) => where(file, used))).toEqual([]);
});

test("every imported package is declared by the package that imports it", () => {
  const faults = each.filter(({ file, used }) => {
    const name = packageNameOf(used.specifier);
    const manifest = manifests.get(file.owner);
    if (isRelative(used.specifier) || isBuiltin(used.specifier) || name === manifest?.name) return false;
    if (Object.hasOwn(manifest?.dependencies ?? {}, name)) return false;
    const forTests = { ...rootManifest.devDependencies, ...manifest?.devDependencies };
    return !(file.isTest && Object.hasOwn(forTests, name));
  });
  expect(faults.map(({ file, used }) => where(file, used))).toEqual([]);
});

test("other packages are entered by their doors only", () => {
  const faults = each.filter(({ used }) => {
    const folder = folderOfName.get(packageNameOf(used.specifier));
    if (folder === undefined || isRelative(used.specifier)) return false;
    const door = `.${used.specifier.slice(packageNameOf(used.specifier).length)}`;
    return !Object.hasOwn(manifests.get(folder)?.exports ?? {}, door);
  });
  expect(faults.map(({ file, used }) => where(file, used))).toEqual([]);
});

test("relative imports stay in their package and name the file with its ending", () => {
  const faults = each.filter(({ file, used }) => {
    if (!isRelative(used.specifier)) return false;
    const target = normalize(join(dirname(file.path), used.specifier));
    return !target.startsWith(`${file.owner}/`) || !/\.(ts|mjs|json)$/u.test(used.specifier);
  });
  expect(faults.map(({ file, used }) => where(file, used))).toEqual([]);
});

test("nothing but tests uses fixtures", () => {
  const faults = each.filter(({ file, used }) => !file.isTest && used.specifier.endsWith("-fixture.ts"));
  expect(faults.map(({ file, used }) => where(file, used))).toEqual([]);
});

test("the engine names no kind of job", () => {
  // `release` is also a change: what a `type` is, is no kind.
  const kinds = /(?<!type: |type === )["'`](workflow|step|app|task|watcher|operation|release|run)["'`]/u;
  const engine = files.filter((file) => file.owner === "packages/engine" && !file.isTest);
  expect(engine.length).toBeGreaterThan(0);
  const faults = engine.flatMap((file) =>
    file.text.split("\n").flatMap((line, index) => (kinds.test(line) ? [`${file.path}:${index + 1} ${line.trim()}`] : [])),
  );
  expect(faults).toEqual([]);
});
