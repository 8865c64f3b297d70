/** The jobs of a file for `windlass jobs submit-many`. */
import type * as Contract from "@windlass/contract";
import { isJsonObject, messageOf, WindlassError, type Fault } from "@windlass/kernel";
import { count } from "../output/job-lines.ts";

type Submission = Contract.Submission;

export interface WrittenJob {
  readonly job: Submission;
  /** Where it stands, as people count. */
  readonly place: string;
}

/**
 * JSON lines, with comments as YAML has them, or a list as JSON or YAML. Throws `invalid` with all that is wrong with any of them, and
 * `usage` for what has no jobs at all.
 */
export async function jobsIn(text: string, name: string): Promise<readonly WrittenJob[]> {
  // Some programs begin a file with a mark of its byte order.
  const plain = text.replace(/^\uFEFF/u, "");
  const begins = plain.split("\n").find((line) => !isEmpty(line)) ?? "";
  const written = begins.trimStart().startsWith("{") ? linesOf(plain) : await listOf(plain, name);
  if (written.length === 0) throw new WindlassError("usage", `${name} has no jobs`);
  const { faultsOf, submission } = await import("@windlass/contract");
  const faults: Fault[] = [];
  let wrong = 0;
  for (const { value, place, unread } of written) {
    const found = unread === undefined ? faultsIn(value, { faultsOf, submission }) : [{ path: "", message: unread }];
    if (found.length > 0) wrong++;
    faults.push(...found.map(({ path, message }) => ({ path, message: `${place}: ${message}` })));
  }
  if (wrong > 0) {
    const more = faults.length > FAULTS_SHOWN_MAX ? `; the first ${FAULTS_SHOWN_MAX} of ${faults.length} faults` : "";
    const message = `${wrong} of ${count(written.length, "job")} in ${name} ${wrong === 1 ? "is" : "are"} not valid; nothing was submitted${more}`;
    throw new WindlassError("invalid", message, { faults: faults.slice(0, FAULTS_SHOWN_MAX) });
  }
  return written.map(({ value, place }) => ({ job: value as Submission, place }));
}

/** Who mends so many looks again. */
const FAULTS_SHOWN_MAX = 100;

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

function linesOf(text: string): Written[] {
  return text.split("\n").flatMap((line, index) => {
    if (isEmpty(line)) return [];
    const place = `line ${index + 1}`;
    try {
      return [{ value: JSON.parse(line) as unknown, place }];
    } catch (error) {
      return [{ value: undefined, place, unread: `${messageOf(error)}; each line is one job as JSON, or the whole is a list` }];
    }
  });
}

/** Nothing stands in it but a comment. */
function isEmpty(line: string): boolean {
  const text = line.trim();
  return text === "" || text.startsWith("#");
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
