/** Copies what the program `windlass` needs where it runs, and nothing else, to a folder: the same in every image. */
import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { foldersOfProgram, type Locked } from "./files-of-program.ts";

const root = join(import.meta.dirname, "..", "..");
const PROGRAMS = ["programs/cli"];
/** Of libraries: what only people and compilers read. */
const NOT_LOADED = /\.(?:map|md|markdown)$|\.d\.[cm]?ts$/u;
/** Of our packages: what only tests load. */
const TESTS = /(?:\.test|-fixture)\.ts$/u;

export function stageProgram(target: string): void {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { readonly packages: Locked };
  rmSync(target, { recursive: true, force: true });
  for (const folder of foldersOfProgram(packages, PROGRAMS)) {
    const from = join(root, folder);
    const to = join(target, folder);
    if (!existsSync(from)) continue; // A library for other machines than this.
    mkdirSync(dirname(to), { recursive: true });
    if (lstatSync(from).isSymbolicLink()) symlinkSync(relative(dirname(to), join(target, packages[folder]?.resolved ?? "")), to);
    else cpSync(from, to, { recursive: true, filter: (file) => isNeeded(from, file) });
  }
  cpSync(join(root, "LICENSE"), join(target, "LICENSE"));
}

/** Libraries within libraries have rows of their own in the lock. */
function isNeeded(folder: string, file: string): boolean {
  const name = basename(file);
  if (name === "node_modules" || name === ".cache") return false;
  return !(folder.includes("node_modules") ? NOT_LOADED : TESTS).test(name);
}
