/** The jobs of a file for `windlass jobs submit-many`. */
import type { Submission } from "@windlass/contract";
import { isJsonObject, messageOf, WindlassError } from "@windlass/kernel";

export interface WrittenJob {
  readonly job: Submission;
  /** Where it stands, as people count. */
  readonly place: string;
}

/** JSON lines, with comments as YAML has them, or a list as JSON or YAML. Throws `usage` with the place of what is no job. */
export async function jobsIn(text: string, name: string): Promise<readonly WrittenJob[]> {
  // Some programs begin a file with a mark of its byte order.
  const plain = text.replace(/^\uFEFF/u, "");
  const begins = plain.split("\n").find((line) => !isEmpty(line)) ?? "";
  const written = begins.trimStart().startsWith("{") ? linesOf(plain, name) : await listOf(plain, name);
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
    if (isEmpty(line)) return [];
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
