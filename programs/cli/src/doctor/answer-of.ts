/** The first line that a program prints, or why there is none. */
import { execFile } from "node:child_process";

/** A program that has not answered by then is as good as absent. */
const ANSWER_MS_MAX = 3_000;

export interface ProgramAnswer {
  readonly text: string;
  /** Null: all went well. */
  readonly failure: string | null;
}

export const NOT_INSTALLED = "not installed";

export function answerOf(program: string, args: readonly string[]): Promise<ProgramAnswer> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: ANSWER_MS_MAX, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      const line = (text: string): string => text.trim().split("\n")[0] ?? "";
      if (error === null) return resolve({ text: line(stdout), failure: null });
      if ("code" in error && error.code === "ENOENT") return resolve({ text: "", failure: NOT_INSTALLED });
      const silent = error.killed === true ? "does not answer" : line(error.message);
      return resolve({ text: "", failure: line(stderr) === "" ? silent : line(stderr) });
    });
  });
}
