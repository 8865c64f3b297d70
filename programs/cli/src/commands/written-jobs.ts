/** The jobs of a file for `windlass jobs submit-many`. */
import type * as Contract from "@windlass/contract";
import { isJsonObject, messageOf, WindlassError, type Fault } from "@windlass/kernel";
import { FAULTS_MAX } from "../output/error-text.ts";
import { count } from "../output/job-lines.ts";

type Submission = Contract.Submission;

export interface WrittenJob {
  readonly job: Submission;
  /** Where it stands, as people count. */
  readonly place: string;
}

/**
 * JSON lines, with comments as YAML has them, or a list as JSON or YAML. Throws `invalid` with all that is wrong with any of them, as
 * much as is shown, and `usage` for what has no jobs at all.
 */
export async function jobsIn(text: string, name: string): Promise<readonly WrittenJob[]> {
  // Some programs begin a file with a mark of its byte order.
  const plain = text.replace(/^\uFEFF/u, "");
  const [first] = filledLines(plain);
  const written = first?.line.trimStart().startsWith("{") === true ? linesOf(plain) : await listOf(plain, name);
  const { faultsOf, submission } = await import("@windlass/contract");
  const jobs: WrittenJob[] = [];
  const faults: Fault[] = [];
  let [all, wrong, faultsFound] = [0, 0, 0];
  for (const { value, place, unread } of written) {
    all++;
    const found = unread === undefined ? faultsIn(value, { faultsOf, submission }) : [{ path: "", message: unread }];
    if (found.length > 0) wrong++;
    else if (wrong === 0) jobs.push({ job: value as Submission, place });
    faultsFound += found.length;
    // No more than is shown: of a large file, every line may be wrong.
    for (const { path, message } of found.slice(0, FAULTS_MAX - faults.length)) faults.push({ path, message: `${place}: ${message}` });
  }
  if (all === 0) throw new WindlassError("usage", `${name} has no jobs`);
  if (wrong === 0) return jobs;
  const more = faultsFound > faults.length ? `; the first ${faults.length} of ${faultsFound} faults` : "";
  const message = `${wrong} of ${count(all, "job")} in ${name} ${wrong === 1 ? "is" : "are"} not valid; nothing was submitted${more}`;
  throw new WindlassError("invalid", message, { faults });
}

interface Written {
  readonly value: unknown;
  readonly place: string;
  /** Why it could not be read. */
  readonly unread?: string;
}

/** As the server would find them. */
function faultsIn(value: unknown, { faultsOf, submission }: Pick<typeof Contract, "faultsOf" | "submission">): readonly Fault[] {
  if (!isJsonObject(value)) return [{ path: "", message: "a job is an object with name, executor and spec (windlass schema submission)" }];
  const { success, error } = submission.safeParse(value);
  return success ? [] : faultsOf(error, value, submission);
}

function* linesOf(text: string): Generator<Written> {
  for (const { line, number } of filledLines(text)) {
    const place = `line ${number}`;
    try {
      yield { value: JSON.parse(line) as unknown, place };
    } catch (error) {
      yield { value: undefined, place, unread: `${messageOf(error)}; each line is one job as JSON, or the whole is a list` };
    }
  }
}

/** One after the other, without those in which nothing stands but a comment. */
function* filledLines(text: string): Generator<{ readonly line: string; readonly number: number }> {
  for (let from = 0, number = 1; from < text.length; number++) {
    const feed = text.indexOf("\n", from);
    const end = feed === -1 ? text.length : feed;
    const line = text.slice(from, end);
    if (!/^\s*(#|$)/u.test(line)) yield { line, number };
    from = end + 1;
  }
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
