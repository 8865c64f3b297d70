/** Renders the Helm chart: by `helm` where it is installed, else by Helm's own packages, built once (test/cluster/chart). */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { root } from "../../architecture/source-files.ts";

export type ChartRenderer = (values: object) => Promise<string>;

const run = promisify(execFile);
const CHART = join(root, "deploy", "helm", "windlass");
const SOURCES = join(root, "test", "cluster", "chart");
/** Asked of no cluster, Helm goes by the version that it was built with, and a build of one's own has an old one. */
const FOR = ["--kube-version", "1.34.0"];
const NAMES = ["windlass", "windlass-system"] as const;

/** Null where neither Helm nor Go is, which has been said; under CI that is a failure. */
export async function findChartRenderer({ PATH, CI }: Readonly<Record<string, string | undefined>>): Promise<ChartRenderer | null> {
  const has = (program: string): boolean =>
    (PATH ?? "").split(delimiter).some((folder) => folder !== "" && existsSync(join(folder, program)));
  const [name, namespace] = NAMES;
  if (has("helm"))
    return (values) => withValues(values, (file) => run("helm", ["template", name, CHART, "-n", namespace, "-f", file, ...FOR]));
  const built = join(root, ".cache", `render-chart-${hashOfSources()}`);
  if (!existsSync(built)) {
    if (!has("go")) return missing("the chart is rendered by helm, or by what Go builds of Helm's packages: install one of them", CI);
    process.stderr.write("building Helm's packages, once; this takes a minute or two\n");
    await run("go", ["build", "-trimpath", "-o", built, "."], { cwd: SOURCES, maxBuffer: 64 * 1_048_576 });
  }
  return (values) => withValues(values, (file) => run(built, [CHART, name, namespace, file]));
}

async function withValues(values: object, render: (file: string) => Promise<{ readonly stdout: string }>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "windlass-values-"));
  try {
    const file = join(folder, "values.json");
    writeFileSync(file, JSON.stringify(values));
    return (await render(file)).stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function hashOfSources(): string {
  const hash = createHash("sha256");
  for (const file of ["main.go", "go.mod", "go.sum"]) hash.update(readFileSync(join(SOURCES, file)));
  return hash.digest("hex").slice(0, 12);
}

function missing(why: string, ci: string | undefined): null {
  if (ci === "true") throw new Error(why);
  process.stderr.write(`skipped: ${why}\n`);
  return null;
}
