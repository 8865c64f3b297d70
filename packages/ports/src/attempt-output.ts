/** Finds the output of an attempt in what it wrote: a file, else the last line of stdout that is JSON. Pure. */
import { maskedJson, maskOf, OUTPUT_LENGTH_MAX } from "@windlass/kernel";
import type { Json, MaskRule, Result } from "@windlass/kernel";

/** The longest line that is taken as an output: so much is kept in memory of whatever prints. What is longer goes by the file. */
export const OUTPUT_LINE_LENGTH_MAX = 262_144;
/** What a stdout must keep so that its last line can be an output of any allowed length (4 bytes a character), and one more. */
export const OUTPUT_TAIL_BYTES: number = 4 * OUTPUT_LINE_LENGTH_MAX + 65_536;
/** A file beyond this is too long for an output, whatever is in it: 4 bytes a character. */
export const OUTPUT_FILE_BYTES_MAX: number = 4 * OUTPUT_LENGTH_MAX;
/** How many lines from the end are tried. */
const LINES_TRIED_MAX = 1000;

export type FoundOutput = { readonly output: Json } | { readonly fault: Pick<Result, "reason" | "message"> } | null;

/** Adds the output to a result, without the secrets that its attempt was given. A fault of the output fails only what had succeeded. */
export function withOutput(result: Result, output: FoundOutput, secrets: MaskRule["secrets"] = []): Result {
  if (output === null) return result;
  if ("output" in output) {
    // Patterns mask what is shown; an output is for the steps that follow, which need it as it is.
    const masked = secrets.length === 0 ? output.output : maskedJson(output.output, maskOf({ secrets, patterns: [] }));
    return { ...result, output: masked };
  }
  return result.outcome === "succeeded" ? { ...result, outcome: "failed", ...output.fault } : result;
}

/** `text`: what the file WINDLASS_OUTPUT holds. Null for an empty one: nothing was written. */
export function outputOfText(text: string): FoundOutput {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  const value = parse(trimmed);
  if (value === undefined) return invalidOutput("the file WINDLASS_OUTPUT is not JSON");
  return trimmed.length > OUTPUT_LENGTH_MAX ? outputTooLarge("the file WINDLASS_OUTPUT") : { output: value };
}

/** `tail` is the end of stdout; `wasCut` says that there was more before it. */
export function outputOfStdout(tail: Uint8Array, wasCut: boolean): FoundOutput {
  const lines = new TextDecoder().decode(tail).split("\n");
  for (let i = lines.length - 1; i >= Math.max(0, lines.length - LINES_TRIED_MAX); i--) {
    const line = lines[i]?.trim() ?? "";
    if (line === "") continue;
    if (i === 0 && wasCut && line.length > OUTPUT_LINE_LENGTH_MAX) return lineTooLong("the last line of stdout");
    const value = parse(line);
    if (value !== undefined)
      return line.length > OUTPUT_LINE_LENGTH_MAX ? lineTooLong("the last line of stdout that is JSON") : { output: value };
  }
  return invalidOutput("`output: json` promises JSON as the last line of stdout or in the file WINDLASS_OUTPUT; neither is there");
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    // Not JSON is an answer here, not a failure.
    return undefined;
  }
}

export function outputTooLarge(what: string): FoundOutput {
  return {
    fault: { reason: "output_too_large", message: `${what} is longer than the ${OUTPUT_LENGTH_MAX} characters that an output may have` },
  };
}

function lineTooLong(what: string): FoundOutput {
  return {
    fault: {
      reason: "output_too_large",
      message: `${what} is longer than the ${OUTPUT_LINE_LENGTH_MAX} characters that a line may have; the file WINDLASS_OUTPUT may have ${OUTPUT_LENGTH_MAX}`,
    },
  };
}

export function invalidOutput(message: string): FoundOutput {
  return { fault: { reason: "output_invalid", message } };
}
