/**
 * `windlass jobs submit-many`: the jobs of a file, as the API takes them, in as few requests as their length allows.
 *
 * M1. What comes is read to its end and checked as the server would (written-jobs.ts) before the first is sent, from a pipe as well: of a
 *     file with jobs that are not valid, none is submitted. Then each is stored or refused on its own; what is refused is told with its
 *     place in the file, and the exit code is 4.
 * M2. However it ends, the results so far are printed, and it is said of all other jobs whether they are stored: not when their
 *     request was refused or not sent, as by a server that takes less than this program knows of; not known when its answer did not
 *     come. It says where to go on; when an answer did not come, only where each job of that request has an `idempotencyKey`.
 */
import type { Input, Operations } from "@windlass/contract";
import { GATHERED_LENGTH_MAX, SUBMIT_MANY_MAX } from "@windlass/contract/routes";
import { ERRORS, isWindlassError, WindlassError } from "@windlass/kernel";
import type { Client } from "@windlass/sdk";
import { connect } from "../connection/connect.ts";
import { INTERRUPTED } from "../machine/interruption.ts";
import { count } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import { printable } from "../output/style.ts";
import { argumentOf, type Call } from "../tree/call.ts";
import { readSource } from "./workflow-source.ts";
import { jobsIn, type WrittenJob } from "./written-jobs.ts";

type Results = Awaited<ReturnType<Client["jobs"]["submitMany"]>>["results"];
interface Submitting {
  readonly jobs: Pick<Client["jobs"], "submitMany">;
}

const REFUSED = 4;
/** From here on a status tells of the server, not of the request. */
const SERVER_STATUS_MIN = 500;

export async function submitMany(call: Call): Promise<number | void> {
  const path = argumentOf(call, 0);
  // Before anything is read as well: a pipe may take long.
  clientOf(call);
  const jobs = await jobsIn(await readSource(path), path === "-" ? "standard input" : path);
  return submitAll(call, clientOf(call), jobs);
}

/** Throws when it is known that there is no server: nothing was sent then. */
function clientOf(call: Call): Client {
  const { client, missing } = connect(call);
  if (missing !== null) throw missing;
  return client;
}

/** Sends them, and prints what became of them. */
export async function submitAll(call: Call, client: Submitting, jobs: readonly WrittenJob[]): Promise<number | void> {
  let isAsked = false;
  const takeBack = call.onInterrupt(() => {
    isAsked = true;
  });
  const results: Results = [];
  try {
    for (const batch of batchesOf(jobs)) {
      // The request that is under way is waited for: what became of it is known then. A second signal ends the program.
      if (isAsked) break;
      results.push(...(await submitted(client, batch, () => reportOf(jobs, results, batch))));
    }
  } catch (error) {
    if (results.length > 0) await presentResults(call, results, jobs);
    throw error;
  } finally {
    takeBack();
  }
  await presentResults(call, results, jobs);
  if (results.length < jobs.length) {
    call.terminal.err(`\nStopped: ${reportOf(jobs, results, []).refused}\n`);
    return INTERRUPTED;
  }
  return results.some((result) => "problem" in result) ? REFUSED : undefined;
}

/** As the API answers; only of those that are there, there are names. */
async function presentResults(call: Call, results: Results, jobs: readonly WrittenJob[]): Promise<void> {
  const stored = results.flatMap((result) => ("problem" in result ? [] : [result]));
  const refused = results.flatMap((result, index) => ("problem" in result ? [{ index, why: result.problem.detail }] : []));
  await present(call, call.format === "name" ? { items: stored } : { results }, () => {
    const before = stored.filter(({ created }) => !created).length;
    const old = before === 0 ? "" : `, ${before} of them before, under the same key`;
    const lines = refused.map(({ index, why }) => `refused: ${jobs[index]?.place ?? ""}: ${printable(why)}\n`).join("");
    return `${lines}${count(stored.length, "job")} submitted${old}${refused.length === 0 ? "" : `, ${refused.length} refused`}\n`;
  });
}

/** Throws with what is known of all jobs then. */
async function submitted(client: Submitting, batch: readonly WrittenJob[], report: () => Report): Promise<Results> {
  const body: Input<Operations["jobs"]["submitMany"]> = { jobs: batch.map(({ job }) => job) };
  try {
    return (await client.jobs.submitMany(body)).results;
  } catch (error) {
    if (!isWindlassError(error)) throw error;
    const { refused, lost } = report();
    const told = wasNotDone(error) ? refused : lost;
    const faults = error.faults.map((fault) => ({ ...fault, ...placed(fault, batch) }));
    const where = batch.length === 1 ? `${rangeOf(batch)}: ` : "";
    throw new WindlassError(error.code, faults.length === 0 ? `${where}${error.message}; ${told}` : told, {
      faults,
      details: error.details,
      cause: error,
    });
  }
}

interface Report {
  /** When the request with this batch is not done. */
  readonly refused: string;
  /** When nobody knows. */
  readonly lost: string;
}

function reportOf(jobs: readonly WrittenJob[], results: Results, batch: readonly WrittenJob[]): Report {
  const stored = results.filter((result) => !("problem" in result)).length;
  const answered = results.length === 0 ? "" : `of ${rangeOf(jobs.slice(0, results.length))}, ${count(stored, "job")} ${be(stored)} stored`;
  const behind = results.length + batch.length < jobs.length ? "; nothing behind is" : "";
  const isKeyed = batch.every(({ job }) => job.idempotencyKey !== undefined);
  const again = isKeyed ? `; go on from ${batch[0]?.place ?? ""}: under their keys none is made twice` : "";
  const unknown = `it is not known whether ${rangeOf(batch)} ${be(batch.length)} stored${behind}${again}`;
  return {
    refused: answered === "" ? "nothing was submitted" : `${answered}, and nothing behind; go on from ${jobs[results.length]?.place ?? ""}`,
    lost: answered === "" ? unknown : `${answered}; ${unknown}`,
  };
}

const be = (number: number): string => (number === 1 ? "is" : "are");

/** `line 1 to line 2000` */
function rangeOf(jobs: readonly WrittenJob[]): string {
  const [first, last] = [jobs[0]?.place ?? "", jobs.at(-1)?.place ?? ""];
  return first === last ? first : `${first} to ${last}`;
}

/** The server said no, or was not reached: nobody listens there. */
function wasNotDone({ code, cause }: WindlassError): boolean {
  if (ERRORS[code].status < SERVER_STATUS_MIN) return true;
  const inner = cause instanceof Error ? cause.cause : undefined;
  return typeof inner === "object" && inner !== null && "code" in inner && (inner.code === "ECONNREFUSED" || inner.code === "ENOTFOUND");
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
