/**
 * The schedules of a round and, by arithmetic, when each of them is due: half by an interval, half by an expression with seconds,
 * each with an offset of its own. What they run is one isolated execution that writes down which time it was made for.
 */
export interface Tick {
  readonly name: string;
  /** As its file would have them. */
  readonly when: Readonly<Record<string, unknown>>;
  readonly periodMs: number;
  /** It is due whenever the time is this much behind a multiple of the period. */
  readonly offsetMs: number;
}

/** One step of an execution that did its work, in the order of all lines. */
export interface TickEffect {
  readonly schedule: string;
  readonly nominalAt: number;
  readonly job: string;
  readonly attempt: number;
}

/** The label by which the executions of a schedule are found. */
export const TICK_LABEL = "tick";

/** A minute has so many seconds here. A divisor of 60, for an expression to say it. */
const MINUTE_SECONDS = 20;

export function planTicks(count: number): readonly Tick[] {
  return Array.from({ length: count }, (_, i) => {
    const offset = i % MINUTE_SECONDS;
    const seconds = Array.from({ length: 60 / MINUTE_SECONDS }, (_second, k) => offset + k * MINUTE_SECONDS);
    const anchor = new Date(offset * 1000).toISOString();
    return {
      name: `tick-${i}`,
      when: i % 2 === 0 ? { every: `${MINUTE_SECONDS}s`, anchor } : { cron: `${seconds.join(",")} * * * * *` },
      periodMs: MINUTE_SECONDS * 1000,
      offsetMs: offset * 1000,
    };
  });
}

/** After `from`, up to and with `until`. */
export function dueTimes({ periodMs, offsetMs }: Tick, from: number, until: number): readonly number[] {
  const times: number[] = [];
  for (let at = Math.floor((from - offsetMs) / periodMs) * periodMs + offsetMs; at <= until; at += periodMs) if (at > from) times.push(at);
  return times;
}

/** The file of the workflow that all of them run. */
export function tickWorkflow(effectsFile: string): string {
  return `apiVersion: windlass.dev/v1
kind: Workflow
metadata: {name: tick}
isolation: job
inputs:
  schedule: {type: string}
  nominal: {type: string}
steps:
  - name: note
    retry: {limit: 20, backoff: {initial: 200ms, max: 1s}}
    tool:
      kind: shell
      env: {SCHEDULE: "{{ inputs.schedule }}", NOMINAL: "{{ inputs.nominal }}"}
      script: echo "$SCHEDULE $NOMINAL $WINDLASS_JOB $WINDLASS_ATTEMPT" >> "${effectsFile}"
`;
}

/** Throws for a line that is none of ours. */
export function readTickEffects(text: string): readonly TickEffect[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [schedule = "", nominal = "", job = "", attempt = ""] = line.split(" ");
    const nominalAt = Date.parse(nominal);
    if (!job.startsWith("job_") || Number.isNaN(nominalAt)) throw new Error(`a line of effects cannot be read: ${line}`);
    return { schedule, nominalAt, job, attempt: Number(attempt) };
  });
}
