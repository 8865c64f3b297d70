/** Finds the output of an attempt: the file that it wrote, else the last line of stdout that is JSON. Pure but for the file. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { OUTPUT_LENGTH_MAX } from "@windlass/kernel";
import type { Json, Result } from "@windlass/kernel";

/** What a stdout must keep so that its last line can be an output of any allowed length (4 bytes a character), and one more. */
export const OUTPUT_TAIL_BYTES = 4 * OUTPUT_LENGTH_MAX + 65_536;
/** How many lines from the end are tried. */
const LINES_TRIED_MAX = 1000;

type Output = { readonly output: Json } | { readonly fault: Pick<Result, "reason" | "message"> } | null;

/** Adds the output to a result. A fault of the output fails only what had succeeded. */
export function withOutput(result: Result, output: Output): Result {
  if (output === null) return result;
  if ("output" in output) return { ...result, output: output.output };
  return result.outcome === "succeeded" ? { ...result, outcome: "failed", ...output.fault } : result;
}

/** Null when no file was written, or an empty one. */
export function outputOfFile(path: string): Output {
  let text: string;
  try {
    // Not blocking, and only an ordinary file: a pipe in its place would hold up the supervisor.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = fstatSync(file);
      if (!found.isFile()) return invalid("WINDLASS_OUTPUT is not an ordinary file any more");
      if (found.size > 4 * OUTPUT_LENGTH_MAX) return tooLarge("the file WINDLASS_OUTPUT");
      text = readFileSync(file, "utf8").trim();
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    return invalid(`the file WINDLASS_OUTPUT cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (text === "") return null;
  const value = parse(text);
  if (value === undefined) return invalid("the file WINDLASS_OUTPUT is not JSON");
  return text.length > OUTPUT_LENGTH_MAX ? tooLarge("the file WINDLASS_OUTPUT") : { output: value };
}

/** `tail` is the end of stdout; `wasCut` says that there was more before it. */
export function outputOfStdout(tail: Uint8Array, wasCut: boolean): Output {
  const lines = new TextDecoder().decode(tail).split("\n");
  for (let i = lines.length - 1; i >= Math.max(0, lines.length - LINES_TRIED_MAX); i--) {
    const line = lines[i]?.trim() ?? "";
    if (line === "") continue;
    if (i === 0 && wasCut && line.length > OUTPUT_LENGTH_MAX) return tooLarge("the last line of stdout");
    const value = parse(line);
    if (value !== undefined) return line.length > OUTPUT_LENGTH_MAX ? tooLarge("the last line of stdout that is JSON") : { output: value };
  }
  return invalid("`output: json` promises JSON as the last line of stdout or in the file WINDLASS_OUTPUT; neither is there");
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    // Not JSON is an answer here, not a failure.
    return undefined;
  }
}

function tooLarge(what: string): Output {
  return {
    fault: { reason: "output_too_large", message: `${what} is longer than the ${OUTPUT_LENGTH_MAX} characters that an output may have` },
  };
}

function invalid(message: string): Output {
  return { fault: { reason: "output_invalid", message } };
}
