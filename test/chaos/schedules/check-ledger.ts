/**
 * What must be true of schedules when all is calm, whatever was killed: `violationsOfLedger` lists what is not.
 *
 * T1. Each time at which a schedule was due has one row of the ledger, its own; the ledger has no other.
 * T2. Each row has one execution, and each execution of a schedule is that of one row.
 * T3. Each execution has ended; what did not succeed is among the dead letters, with its reason.
 * T4. Of each execution that succeeded the work was done, for the time of its row; each attempt did it once at the most, and no
 *     other job did any.
 */
import type { OccurrenceJson } from "@windlass/contract";
import { dueTimes, type Tick, type TickEffect } from "./ticks.ts";

export interface TickExecution {
  readonly id: string;
  /** The schedule, by its label. */
  readonly schedule: string;
  readonly outcome: string | null;
  readonly reason: string | null;
  /** Its step, once there is one. */
  readonly step: { readonly id: string; readonly attempts: number } | null;
}

export interface TickHistory {
  readonly schedules: readonly {
    readonly tick: Tick;
    /** It was made then. */
    readonly from: number;
    /** It was paused then, and what was due before was decided. */
    readonly until: number;
    readonly rows: readonly Pick<OccurrenceJson, "nominalAt" | "count" | "decision" | "reason" | "message" | "jobId">[];
  }[];
  readonly executions: readonly TickExecution[];
  readonly effects: readonly TickEffect[];
  /** Their reasons, by job. */
  readonly deadLetters: ReadonlyMap<string, string>;
}

/**
 * Whoever paused it went by a clock of his own: each tells the database's time as well as an answer of it can say, which on a busy
 * machine is only so good.
 */
const SKEW_MS = 1_000;

/** One line for each. */
export function violationsOfLedger(history: TickHistory): readonly string[] {
  return [...rowsOf(history), ...executionsOf(history), ...effectsOf(history)];
}

function* rowsOf({ schedules }: TickHistory): Generator<string> {
  for (const { tick, from, until, rows } of schedules) {
    const allowed = new Set(dueTimes(tick, from, until + SKEW_MS));
    const seen = new Set<number>();
    for (const { nominalAt, count, decision, reason, message } of rows) {
      const at = Date.parse(nominalAt);
      const told = `${tick.name} at ${nominalAt}`;
      if (count !== 1) yield `T1: ${told} stands for ${count} times (${decision}, ${reason})`;
      if (seen.has(at)) yield `T1: ${told} has two rows`;
      if (!allowed.has(at)) yield `T1: ${told} was not due (${decision}, ${reason})`;
      if (decision !== "fired" && decision !== "caught_up")
        yield `T2: ${told} is ${decision} (${reason}${message === null ? "" : `: ${message}`})`;
      seen.add(at);
    }
    for (const at of dueTimes(tick, from, until - SKEW_MS))
      if (!seen.has(at)) yield `T1: ${tick.name} at ${new Date(at).toISOString()} has no row`;
  }
}

function* executionsOf({ schedules, executions, deadLetters }: TickHistory): Generator<string> {
  const byId = new Map(executions.map((execution) => [execution.id, execution]));
  const of = new Map<string, string>();
  for (const { tick, rows } of schedules)
    for (const { nominalAt, jobId } of rows) {
      if (jobId === null) continue;
      const told = `${tick.name} at ${nominalAt}`;
      if (byId.get(jobId)?.schedule !== tick.name) yield `T2: ${told} names ${jobId}, which is no execution of it`;
      const other = of.get(jobId);
      if (other !== undefined) yield `T2: ${jobId} is the execution of ${other} and of ${told}`;
      of.set(jobId, told);
    }
  for (const { id, schedule, outcome, reason } of executions) {
    if (!of.has(id)) yield `T2: ${id} of ${schedule} is in no row`;
    if (outcome === null) yield `T3: ${id} (${of.get(id)}) has not ended`;
    else if (outcome !== "succeeded" && deadLetters.get(id) === undefined)
      yield `T3: ${id} (${of.get(id)}) is ${outcome} ${reason}, and no dead letter`;
  }
}

function* effectsOf({ schedules, executions, effects }: TickHistory): Generator<string> {
  const nominal = new Map(schedules.flatMap(({ rows }) => rows.map(({ jobId, nominalAt }) => [jobId, Date.parse(nominalAt)] as const)));
  const bySteps = new Map(executions.flatMap((execution) => (execution.step === null ? [] : [[execution.step.id, execution] as const])));
  const seen = new Set<string>();
  const worked = new Set<string>();
  for (const { schedule, nominalAt, job, attempt } of effects) {
    const execution = bySteps.get(job);
    const told = `attempt ${attempt} of ${job}`;
    if (execution === undefined) {
      yield `T4: ${told} is of no execution of a schedule`;
      continue;
    }
    if (seen.has(`${job} ${attempt}`)) yield `T4: ${told} did its work twice`;
    if (attempt > (execution.step?.attempts ?? 0)) yield `T4: ${told} is not known: it had ${execution.step?.attempts}`;
    if (execution.schedule !== schedule || nominal.get(execution.id) !== nominalAt)
      yield `T4: ${told} worked for ${schedule} at ${new Date(nominalAt).toISOString()}, which is not the time of its row`;
    seen.add(`${job} ${attempt}`);
    worked.add(execution.id);
  }
  for (const { id, outcome } of executions) if (outcome === "succeeded" && !worked.has(id)) yield `T4: ${id} succeeded and did no work`;
}
