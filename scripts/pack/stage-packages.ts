/**
 * Makes folders that can be published from the sources: compiled, with declarations, source maps and a manifest of their own.
 * Inside of the repository nothing is compiled; other people's programs get JavaScript.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { ENGINES, PUBLISHED, type Published } from "./published.ts";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, "..", "..");
const NOT_PUBLISHED = /(\.test|-fixture)\.ts$/u;

/** Compiles every published package into a folder of its own below `staging`; resolves to these folders. Throws what the compiler says. */
export function stagePackages(staging: string): readonly string[] {
  const paths: Record<string, string[]> = {};
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true });
  // Declarations that were just made find the types of libraries from where they are.
  symlinkSync(join(root, "node_modules"), join(staging, "node_modules"), "junction");
  return PUBLISHED.map((published) => {
    const folder = join(staging, published.folder);
    const manifest = JSON.parse(readFileSync(join(root, "packages", published.folder, "package.json"), "utf8")) as Manifest;
    mkdirSync(folder);
    compile({ published, folder, paths });
    nameFilesOfDeclarations(join(folder, "dist"));
    nameSourcesOfMaps(join(folder, "dist"));
    for (const [door, source] of Object.entries(manifest.exports))
      paths[manifest.name + door.slice(1)] = [join(folder, compiled(source, "d.ts"))];
    writeFileSync(join(folder, "package.json"), `${JSON.stringify(publishedManifest(published, manifest), null, 2)}\n`);
    cpSync(join(root, "LICENSE"), join(folder, "LICENSE"));
    writeFileSync(join(folder, "README.md"), readmeOf(published));
    return folder;
  });
}

interface Compilation {
  readonly published: Published;
  readonly folder: string;
  /** Where the declarations of the packages before this one are. */
  readonly paths: Readonly<Record<string, readonly string[]>>;
}

function compile({ published, folder, paths }: Compilation): void {
  const source = join(root, "packages", published.folder, "src");
  const project = join(folder, "tsconfig.json");
  const options = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      sourceMap: true,
      // The sources are in the maps: a debugger shows them, and no package holds a file of TypeScript.
      inlineSources: true,
      rewriteRelativeImportExtensions: true,
      // What the oldest Node has: a newer function of the language would only be missed where it is called.
      target: "es2022",
      // What Node 20.19 has: of ES2024 the well-formed strings.
      lib: ["es2023", "es2024.string"],
      rootDir: source,
      outDir: join(folder, "dist"),
      typeRoots: [join(root, "node_modules", "@types")],
      paths,
    },
    files: filesBelow(source).filter((file) => !NOT_PUBLISHED.test(file)),
    include: [],
  };
  writeFileSync(project, JSON.stringify(options));
  try {
    execFileSync(join(root, "node_modules", ".bin", "tsc"), ["--project", project], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  } catch (error) {
    throw new Error(`${published.folder} does not compile:\n${String((error as { stdout?: Buffer }).stdout)}`, { cause: error });
  }
  rmSync(project);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The compiler leaves `./x.ts` in declarations, where nothing of that name will be. */
function nameFilesOfDeclarations(folder: string): void {
  for (const file of filesBelow(folder)) {
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replace(/((?:from|import)\s*\(?\s*["']\.{1,2}\/[^"']+)\.ts(?=["'])/gu, "$1.js"));
  }
}

/** The same on every machine: where the sources lay when this was compiled is nobody's business. */
function nameSourcesOfMaps(folder: string): void {
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".map"))) {
    const file = join(folder, name);
    const map = JSON.parse(readFileSync(file, "utf8")) as { readonly sources: readonly string[] };
    writeFileSync(file, JSON.stringify({ ...map, sources: map.sources.map((source) => `../src/${basename(source)}`) }));
  }
}

/** `./src/index.ts` → `./dist/index.js` */
function compiled(source: string, ending: string): string {
  return source.replace("./src/", "./dist/").replace(/ts$/u, ending);
}

function publishedManifest({ description, keywords }: Published, { name, version, license, exports, dependencies }: Manifest): object {
  const doors = Object.entries(exports).map(([door, source]) => [
    door,
    { types: compiled(source, "d.ts"), default: compiled(source, "js") },
  ]);
  return {
    name,
    version,
    description,
    keywords,
    license,
    type: "module",
    sideEffects: false,
    engines: ENGINES,
    exports: { ...Object.fromEntries(doors), "./package.json": "./package.json" },
    types: "./dist/index.d.ts",
    files: ["dist"],
    dependencies,
    publishConfig: { access: "public" },
  };
}

/** Links to other files of the repository lead nowhere from a registry's page: there they are plain words. */
function readmeOf({ folder }: Published): string {
  const own = join(root, "packages", folder, "README.md");
  if (!existsSync(own)) throw new Error(`packages/${folder} is published and has no README.md`);
  return readFileSync(own, "utf8").replace(/\[([^\]]+)\]\(\.\.\/[^)]*\)/gu, "$1");
}
