/**
 * The corpus: one file for each pattern of steps in containers, and beside it (`.txt`) what becomes of it. Whoever carries the
 * containers out, the text is the same; that is what the tests of each executor compare it with. On a cluster both streams
 * of a container are one, so none of them says anything on the other.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as rest } from "node:timers/promises";
import type { Client } from "@windlass/sdk";
import { expect, vi } from "vitest";
import { root } from "../architecture/source-files.ts";

const FOLDER = join(root, "test", "corpus");
/** An execution is over within this on a machine that is busy with all of them, and what it printed has arrived. */
const PATIENCE = { timeout: 400_000, interval: 500 };
const LOOK_MS = 500;
const LOOKS_MAX = 60;
/** A longer log is compared by its length and its last line. */
const SHOWN_BYTES_MAX = 400;

type Job = Awaited<ReturnType<Client["jobs"]["list"]>>["items"][number];

export interface CorpusRun {
  readonly api: Client;
  readonly image: string;
  /** Undefined: as the server has it. */
  readonly executor?: "docker" | "kubernetes" | "process";
  /** By what it is said of each: an option of the run, when left out, or a line of the file. */
  readonly by?: (name: string, index: number) => By;
}

type By = "option" | "file";

export const CORPUS: readonly string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => name.replace(".yaml", ""))
  .toSorted();

/** What they need to be there. */
export async function prepareCorpus(api: Client): Promise<void> {
  await api.secrets.set({ name: "corpus-key", value: "opens-the-corpus" });
  await api.workflows.apply({ source: sourceOf("greet-one") });
}

/** What is to become of each. */
export function writtenOf(names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(FOLDER, `${name}.txt`), "utf8")]));
}

/** Runs all of them at once to their ends; answers what became of each. */
export async function runAll(names: readonly string[], run: CorpusRun): Promise<Readonly<Record<string, string>>> {
  const written = writtenOf(names);
  const accounts = names.map(async (name, index) => {
    const by = run.by?.(name, index) ?? "option";
    return [name, await runOne(name, { ...run, by, written: written[name] ?? "" })] as const;
  });
  return Object.fromEntries(await Promise.all(accounts));
}

type OneRun = Omit<CorpusRun, "by"> & { readonly by: By; readonly written: string };

async function runOne(name: string, { api, image, executor, by, written }: OneRun): Promise<string> {
  const source = sourceOf(name);
  const asked =
    executor === undefined ? { source } : by === "option" ? { source, executor } : { source: `${source}executor: ${executor}\n` };
  const { job } = await api.workflows.run({ ...asked, input: { image } });
  if (name === "awaited") await goOn(api, job.id);
  await vi.waitFor(async () => expect(await api.jobs.get({ id: job.id })).toMatchObject({ finishedAt: expect.any(String) }), PATIENCE);
  // The last of a log may come after the end.
  for (let looks = 1; ; looks++) {
    const account = await accountOf(api, job.id);
    if (account === written || looks === LOOKS_MAX) return account;
    await rest(LOOK_MS);
  }
}

/** The signal is kept until a step waits for it; whoever approves comes when it is asked for. */
async function goOn(api: Client, id: string): Promise<void> {
  await api.jobs.signal({ id, name: "file-arrived", data: { path: "in/orders.csv" } });
  await vi.waitFor(async () => {
    const { items } = await api.jobs.list({ parentId: id, limit: 100 });
    expect(items.find(({ name }) => name === "decision")).toMatchObject({ state: "waiting" });
  }, PATIENCE);
  await api.jobs.approve({ id, comment: "go on" });
}

function sourceOf(name: string): string {
  return readFileSync(join(FOLDER, `${name}.yaml`), "utf8");
}

/** The execution, and all that is below it, by name. */
async function accountOf(api: Client, id: string): Promise<string> {
  const { state, reason, output } = await api.jobs.get({ id });
  const lines = [`${state} (${reason})${output === null ? "" : `, output ${JSON.stringify(output)}`}`, ...(await below(api, id, ""))];
  return `${lines.join("\n")}\n`;
}

async function below(api: Client, id: string, indent: string): Promise<readonly string[]> {
  const { items } = await api.jobs.list({ parentId: id, limit: 100 });
  const lines: string[] = [];
  for (const job of items.toSorted((a, b) => (`${a.name} ${JSON.stringify(a.output)}` < `${b.name} ${JSON.stringify(b.output)}` ? -1 : 1)))
    lines.push(...(await aboutOne(api, job, indent)));
  return lines;
}

async function aboutOne(api: Client, job: Job, indent: string): Promise<readonly string[]> {
  const more = `${indent}  `;
  const output = job.output === null ? "" : `, output ${JSON.stringify(job.output).replace(/"at":"[^"]+"/u, '"at":"…"')}`;
  const line = `${indent}${job.name}: ${endOf(job)}${output}`;
  if (job.executor === "none") return [line, ...(await below(api, job.id, more))];
  const attempts = (await api.jobs.attempts({ id: job.id })).items;
  const logs = await Promise.all(attempts.map(({ number }) => logOf(api, job.id, number)));
  return [
    line,
    ...attempts.flatMap((attempt, index) => [`${more}attempt ${attempt.number}: ${endOf(attempt)}`, ...shown(logs[index] ?? "", more)]),
  ];
}

/** Who keeps a limit of time first, the cluster or we, is no difference; nor is the code of what was ended for its limits. */
function endOf({ outcome, reason, exitCode }: Pick<Job, "outcome" | "reason" | "exitCode">): string {
  if (outcome === "failed_timeout") return "failed_timeout";
  // A runtime that is busy may never say that it killed for memory: then it is told as likely.
  if (outcome === "failed_oom" || reason === "maybe_oom") return "failed_oom (memory_limit)";
  return `${outcome} (${reason})${exitCode === null ? "" : `, exit code ${exitCode}`}`;
}

async function logOf(api: Client, id: string, attempt: number): Promise<string> {
  return Buffer.concat(await Array.fromAsync(await api.jobs.rawLogs({ id, attempt, stream: "stdout" }))).toString();
}

function shown(log: string, indent: string): readonly string[] {
  const bytes = Buffer.byteLength(log);
  if (bytes === 0) return [];
  const lines = log.split("\n");
  const text = bytes > SHOWN_BYTES_MAX ? [`${lines.length} lines, and last: ${lines.at(-2)?.slice(0, 100)}`] : lines;
  return [`${indent}log of ${bytes} bytes`, ...text.map((line) => `${indent}| ${line}`)];
}
