/**
 * The side effects that are counted: each attempt adds one line to a file when it begins its work and one when it has
 * done it. A line is one write to a file opened for appending, so the order of lines is the order of what happened, over
 * all processes.
 */
import { appendFileSync, readFileSync } from "node:fs";

export interface Effect {
  readonly what: "start" | "end";
  readonly jobId: string;
  readonly attempt: number;
  readonly pid: number;
}

/** How one job of the workload behaves. */
export interface Behaviour {
  readonly workMs: number;
  /** The first so many attempts fail, after their work. */
  readonly failures: number;
}

/** The variable that tells a script where the file is; it also tells our processes from those of others. */
export const EFFECTS_VARIABLE = "CHAOS_EFFECTS";

/** The same behaviour as a shell script. */
export function scriptOf({ workMs, failures }: Behaviour): string {
  const note = (what: Effect["what"]): string => `echo "${what} $WINDLASS_JOB $WINDLASS_ATTEMPT $$" >> "$${EFFECTS_VARIABLE}"`;
  return [note("start"), `sleep ${workMs / 1000}`, note("end"), `[ "$WINDLASS_ATTEMPT" -gt ${failures} ] || exit 3`].join("\n");
}

export function noteEffect(file: string, { what, jobId, attempt, pid }: Effect): void {
  appendFileSync(file, `${what} ${jobId} ${attempt} ${pid}\n`);
}

/** In the order in which they happened. Throws for a line that is none of ours. */
export function readEffects(file: string): Effect[] {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
  return lines.map((line) => {
    const match = /^(start|end) (job_\w+) (\d+) (\d+)$/u.exec(line);
    if (match === null) throw new Error(`a line of effects cannot be read: ${line}`);
    return { what: match[1] as Effect["what"], jobId: match[2] ?? "", attempt: Number(match[3]), pid: Number(match[4]) };
  });
}
