/** Which file loads which other file as soon as it is loaded itself: static imports of values, followed through packages. */
import { existsSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, normalize } from "node:path";
import { packageFolders, root, sourceFiles, type SourceFile } from "./source-files.ts";

const byPath = new Map(sourceFiles().map((file) => [file.path, file]));

const doors = new Map(
  packageFolders().flatMap((folder) => {
    const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as {
      name: string;
      exports?: Record<string, unknown>;
    };
    return Object.entries(manifest.exports ?? {}).flatMap(([door, target]): [string, string][] =>
      typeof target === "string" ? [[manifest.name + door.slice(1), normalize(join(folder, target))]] : [],
    );
  }),
);

export type Target = { readonly type: "file"; readonly path: string } | { readonly type: "outside"; readonly specifier: string };

/** What a specifier means in a file; a file of ours, or something that is not ours. */
function resolve(file: SourceFile, specifier: string): Target {
  const path = specifier.startsWith(".") ? normalize(join(dirname(file.path), specifier)) : doors.get(specifier);
  return path === undefined || isBuiltin(specifier) ? { type: "outside", specifier } : { type: "file", path };
}

/** What is loaded together with a file. */
export function eagerTargets(file: SourceFile): Target[] {
  return file.imports.filter((used) => used.mode === "value").map((used) => resolve(file, used.specifier));
}

export interface Reached {
  readonly target: Target;
  /** The chain of files from the start to whoever imports it. */
  readonly via: readonly string[];
}

/** All that is loaded, at once or further down, when `start` is. */
export function reachedFrom(start: string): Reached[] {
  const seen = new Map<string, Reached>();
  const open: { path: string; via: readonly string[] }[] = [{ path: start, via: [] }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const file = byPath.get(next.path);
    // A file that does not exist yet is told by `tsc`, not here.
    if (file === undefined || !existsSync(join(root, next.path))) continue;
    for (const target of eagerTargets(file)) {
      const key = target.type === "file" ? target.path : target.specifier;
      if (seen.has(key)) continue;
      const via = [...next.via, next.path];
      seen.set(key, { target, via });
      if (target.type === "file") open.push({ path: target.path, via });
    }
  }
  return [...seen.values()];
}
