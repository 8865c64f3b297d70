/** Reads the file in which an attempt was to write its output. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { invalidOutput, OUTPUT_FILE_BYTES_MAX, outputOfText, outputTooLarge } from "@windlass/ports";
import type { FoundOutput } from "@windlass/ports";

/** Null when no file was written, or an empty one. */
export function outputOfFile(path: string): FoundOutput {
  let text: string;
  try {
    // Not blocking, and only an ordinary file: a pipe in its place would hold up the supervisor.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = fstatSync(file);
      if (!found.isFile()) return invalidOutput("WINDLASS_OUTPUT is not an ordinary file any more");
      if (found.size > OUTPUT_FILE_BYTES_MAX) return outputTooLarge("the file WINDLASS_OUTPUT");
      text = readFileSync(file, "utf8");
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    return invalidOutput(`the file WINDLASS_OUTPUT cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return outputOfText(text);
}
