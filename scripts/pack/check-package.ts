/** What is wrong with a folder that is to be published, in sentences. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, relative } from "node:path";

interface PublishedManifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly private?: boolean;
  readonly imports?: unknown;
}

/** Names after `from`, `import` and `import(`, in JavaScript and in declarations. */
const SPECIFIER = /(?:\bfrom\s*|\bimport\s*\(?\s*)["']([^"'\n]+)["']/gu;
/** Conditions that everybody's tools know. */
const CONDITIONS = ["types", "default"];

export function faultsOfPackage(folder: string): string[] {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as PublishedManifest;
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  return [
    ...faultsOfManifest(folder, manifest),
    ...files.filter((file) => /(?<!\.d)\.[cm]?ts$/u.test(file)).map((file) => `${file} is TypeScript`),
    ...["README.md", "LICENSE"].filter((file) => !files.includes(file)).map((file) => `${file} is missing`),
    ...linksOf(folder).map((link) => `README.md links to ${link}`),
    ...files.filter((file) => /\.(js|d\.ts)$/u.test(file)).flatMap((file) => faultsOfImports(folder, { file, manifest })),
    ...files.filter((file) => file.endsWith(".js.map")).flatMap((file) => faultsOfMap(folder, file)),
  ];
}

/** Links that lead out of the package. */
function linksOf(folder: string): string[] {
  const readme = join(folder, "README.md");
  if (!existsSync(readme)) return [];
  return [...readFileSync(readme, "utf8").matchAll(/\]\((\.[^)]*)\)/gu)].map(([, link = ""]) => link);
}

function faultsOfManifest(folder: string, { exports, private: isPrivate, imports, dependencies = {} }: PublishedManifest): string[] {
  const faults: string[] = [];
  if (isPrivate !== undefined) faults.push("package.json says private");
  if (imports !== undefined) faults.push("package.json has private imports");
  for (const [name, range] of Object.entries(dependencies))
    if (!/^[\^~]?\d/u.test(range)) faults.push(`${name} is wanted as ${range}, which no registry knows`);
  for (const [door, targets] of Object.entries(exports)) {
    const each = typeof targets === "string" ? { default: targets } : targets;
    for (const [condition, target] of Object.entries(each)) {
      if (!CONDITIONS.includes(condition))
        faults.push(`the door ${door} has the condition ${condition}; allowed are ${CONDITIONS.join(", ")}`);
      if (!existsSync(join(folder, target))) faults.push(`the door ${door} leads to ${target}, which is missing`);
    }
  }
  return faults;
}

function faultsOfImports(folder: string, { file, manifest }: { readonly file: string; readonly manifest: PublishedManifest }): string[] {
  const text = readFileSync(join(folder, file), "utf8").replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gmu, "");
  return [...text.matchAll(SPECIFIER)].flatMap(([, specifier = ""]) => {
    if (isBuiltin(specifier)) return specifier.startsWith("node:") ? [] : [`${file} imports ${specifier} without node:`];
    if (!specifier.startsWith(".")) {
      const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
      return Object.hasOwn(manifest.dependencies ?? {}, name) ? [] : [`${file} imports ${specifier}, which is no dependency`];
    }
    const target = join(folder, dirname(file), specifier);
    const wanted = file.endsWith(".d.ts") ? target.replace(/\.js$/u, ".d.ts") : target;
    return specifier.endsWith(".js") && existsSync(wanted) ? [] : [`${file} imports ${specifier}, which is missing`];
  });
}

function faultsOfMap(folder: string, file: string): string[] {
  const { sources, sourcesContent } = JSON.parse(readFileSync(join(folder, file), "utf8")) as {
    readonly sources: readonly string[];
    readonly sourcesContent?: readonly unknown[];
  };
  if (sourcesContent?.length !== sources.length) return [`${file} does not hold its source`];
  return sources.filter((source) => !/^\.\.\/src\/[^/\\]+$/u.test(source)).map((source) => `${file} names ${source}`);
}
