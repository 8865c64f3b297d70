/** `npm run version-up`: turns the changesets into a new version of all packages and a section of CHANGELOG.md. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { changelogWith, type Released } from "./changelog.ts";

interface ReleasePlan {
  readonly changesets: readonly { readonly summary: string; readonly releases: readonly { readonly type: string }[] }[];
  readonly releases: readonly { readonly newVersion: string }[];
}

const root = join(import.meta.dirname, "..");
const SIZES = ["major", "minor", "patch"] as const;

const plan = readPlan();
const version = plan.releases[0]?.newVersion;
if (version === undefined) throw new Error("there is no changeset, so there is nothing to release; `npm run changeset` makes one");
changeset("version");
rewrite("CHANGELOG.md", (text) => changelogWith(text, { version, changes: changesOf(plan) }));
rewrite("package.json", (text) => text.replace(/("version": )"[^"]+"/u, `$1"${version}"`));
execFileSync("npm", ["install", "--package-lock-only", "--ignore-scripts", "--loglevel=error"], { cwd: root, stdio: "inherit" });
process.stdout.write(`version ${version}: look at what changed, and commit it\n`);

function readPlan(): ReleasePlan {
  // The command takes only a path inside of the repository.
  const folder = mkdtempSync(join(root, "node_modules", ".release-plan-"));
  try {
    const file = join(folder, "plan.json");
    changeset("status", "--output", file.slice(root.length + 1));
    return JSON.parse(readFileSync(file, "utf8")) as ReleasePlan;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function changesOf({ changesets }: ReleasePlan): Released["changes"] {
  return changesets.map(({ summary, releases }) => ({
    size: SIZES.find((size) => releases.some((release) => release.type === size)) ?? "patch",
    text: summary,
  }));
}

function changeset(...args: readonly string[]): void {
  execFileSync(process.execPath, [join(root, "node_modules/@changesets/cli/bin.js"), ...args], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

function rewrite(file: string, change: (text: string) => string): void {
  const path = join(root, file);
  writeFileSync(path, change(readFileSync(path, "utf8")));
}
