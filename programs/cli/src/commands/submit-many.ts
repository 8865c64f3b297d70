/**
 * `windlass jobs submit-many`: the jobs of a file, as the API takes them, in as few requests as their length allows.
 *
 * M1. Each job is stored or refused on its own; what is refused is told with its place in the file, and the exit code is 4.
 * M2. When the whole cannot go on (a server that is away, a request that is not valid), it is told how many were stored
 *     before: those that have an `idempotencyKey` can be submitted again with the same file, and are not made twice.
 */
import type { Input, Operations, Submission } from "@windlass/contract";
import { GATHERED_LENGTH_MAX, SUBMIT_MANY_MAX } from "@windlass/contract/routes";
import { isJsonObject, isWindlassError, messageOf, WindlassError } from "@windlass/kernel";
import type { Client } from "@windlass/sdk";
import { connect } from "../connection/connect.ts";
import { count } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import { printable } from "../output/style.ts";
import { argumentOf, type Call } from "../tree/call.ts";
import { readSource } from "./workflow-source.ts";

type Results = Awaited<ReturnType<Client["jobs"]["submitMany"]>>["results"];

const REFUSED = 4;

export async function submitMany(call: Call): Promise<number | void> {
  const path = argumentOf(call, 0);
  const jobs = await jobsIn(await readSource(path), path === "-" ? "standard input" : path);
  const { client } = connect(call);
  const results = await submittedOf(client, jobs);
  const stored = results.flatMap((result) => ("problem" in result ? [] : [result]));
  const refused = results.flatMap((result, index) => ("problem" in result ? [{ index, why: result.problem.detail }] : []));
  // As the API answers; only of those that are there, there are names.
  await present(call, call.format === "name" ? { items: stored } : { results }, () => {
    const before = stored.filter(({ created }) => !created).length;
    const old = before === 0 ? "" : `, ${before} of them before, under the same key`;
    const lines = refused.map(({ index, why }) => `refused: ${jobs[index]?.place ?? ""}: ${printable(why)}\n`).join("");
    return `${lines}${count(stored.length, "job")} submitted${old}${refused.length === 0 ? "" : `, ${refused.length} refused`}\n`;
  });
  return refused.length > 0 ? REFUSED : undefined;
}

export interface WrittenJob {
  readonly job: Submission;
  /** Where it stands, as people count. */
  readonly place: string;
}

/** JSON lines, or a list as JSON or YAML. Throws `usage` with the place of what is no job. */
export async function jobsIn(text: string, name: string): Promise<readonly WrittenJob[]> {
  const written = /^\s*\{/u.test(text) ? linesOf(text, name) : await listOf(text, name);
  if (written.length === 0) throw new WindlassError("usage", `${name} has no jobs`);
  return written.map(({ value, place }) => {
    if (isJsonObject(value)) return { job: value as unknown as Submission, place };
    throw new WindlassError("usage", `${name}, ${place}: a job is an object with name, executor and spec (windlass schema submission)`);
  });
}

interface Written {
  readonly value: unknown;
  readonly place: string;
}

function linesOf(text: string, name: string): Written[] {
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    const place = `line ${index + 1}`;
    try {
      return [{ value: JSON.parse(line) as unknown, place }];
    } catch (error) {
      throw new WindlassError("usage", `${name}, ${place}: ${messageOf(error)}; each line is one job as JSON, or the whole is a list`, {
        cause: error,
      });
    }
  });
}

async function listOf(text: string, name: string): Promise<Written[]> {
  const { parse } = await import("yaml");
  let value: unknown;
  try {
    value = parse(text) as unknown;
  } catch (error) {
    throw new WindlassError("usage", `${name} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value))
    throw new WindlassError("usage", `${name} is no list of jobs; give a JSON or YAML list, or one job as JSON in each line`);
  return value.map((one: unknown, index) => ({ value: one, place: `job ${index + 1}` }));
}

async function submittedOf(client: Client, jobs: readonly WrittenJob[]): Promise<Results> {
  const results: Results = [];
  for (const batch of batchesOf(jobs)) {
    try {
      const body: Input<Operations["jobs"]["submitMany"]> = { jobs: batch.map(({ job }) => job) };
      results.push(...(await client.jobs.submitMany(body)).results);
    } catch (error) {
      if (!isWindlassError(error)) throw error;
      const faults = error.faults.map((fault) => ({ ...fault, ...placed(fault, batch) }));
      const stored = results.filter((result) => !("problem" in result)).length;
      const before =
        stored === 0 ? "nothing was submitted" : `the first ${count(stored, "job")} ${stored === 1 ? "is" : "are"} stored, the others not`;
      throw new WindlassError(error.code, faults.length === 0 ? `${error.message}; ${before}` : before, {
        faults,
        details: error.details,
        cause: error,
      });
    }
  }
  return results;
}

/** Small enough for one request each. */
function batchesOf(jobs: readonly WrittenJob[]): WrittenJob[][] {
  const batches: WrittenJob[][] = [];
  let length = Infinity;
  for (const one of jobs) {
    const more = JSON.stringify(one.job).length;
    if (length + more > GATHERED_LENGTH_MAX || batches.at(-1)?.length === SUBMIT_MANY_MAX) {
      batches.push([]);
      length = 0;
    }
    batches.at(-1)?.push(one);
    length += more;
  }
  return batches;
}

/** A fault of a request speaks of the jobs in it: `jobs[3].name`. */
function placed({ path, message }: { readonly path: string; readonly message: string }, batch: readonly WrittenJob[]) {
  const [start, index] = /^jobs\[(\d+)\]\.?/u.exec(path) ?? [];
  const place = index === undefined ? undefined : batch[Number(index)]?.place;
  if (start === undefined || place === undefined) return { path, message };
  return { path: path.slice(start.length), message: `${place}: ${message.replaceAll(start, "")}` };
}
