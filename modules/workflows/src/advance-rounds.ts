/**
 * What comes next in a step that is repeated until a condition holds: one round after the other, with a pause between them
 * where one is asked for. A job of its own below the execution, like a loop over items.
 *
 * U1. The condition is asked after every round, also after one that failed; it sees that round under the step's own name.
 * U2. The step ends as its last round did. A condition that never held is a failure; one that cannot be evaluated ends the
 *     step, as its round did if that failed.
 */
import { NOTHING, type AdvanceInput, type Decision, type Outputs } from "@windlass/engine";
import { depthOf, type ChildFact, type Json, type Result } from "@windlass/kernel";
import { itemKeyOf } from "./advance-loop.ts";
import { restore } from "./captured-scope.ts";
import { whatFits } from "./ended-child.ts";
import { entriesOf, Mailbox, withSignals, type Told } from "./mailbox.ts";
import { holds } from "./predicates.ts";
import { evaluateIn, type Scope } from "./scope.ts";
import { entryOf, readFacts } from "./step-facts.ts";
import type { RoundsSpec } from "./step-spec.ts";
import { toolChild } from "./tool-child.ts";

const TOTAL = "#";

interface Total {
  /** The round that runs, or is next. */
  readonly round: number;
  /** When the next one begins; null while one runs. */
  readonly at: number | null;
}

export function advanceRounds(input: AdvanceInput, spec: RoundsSpec): Decision {
  const changed = new Map<string, Json>();
  const mailbox = new Mailbox(entriesOf(input.cursor, changed));
  const tells: Told[] = [];
  const before = input.cursor.get(TOTAL) as unknown as Total | undefined;
  let total: Total = before ?? { round: 0, at: input.now };
  let finish: Result | null = null;
  for (const fact of input.facts) {
    if (fact.type === "signal") {
      const told = mailbox.receive(fact);
      if (told !== null) tells.push(told);
    } else if (finish === null && fact.type === "child" && fact.key === itemKeyOf(spec, total.round) && total.at === null) {
      mailbox.ended(fact.key);
      finish = resultOf(spec, total.round, { fact, outputs: input.outputs });
      if (finish === null) total = { round: total.round + 1, at: input.now + spec.pauseMs };
    }
  }
  if (finish !== null) return { ...NOTHING, tells: mailbox.givenBack(), progress: progressOf(spec, total.round + 1), finish };
  const due = total.at !== null && total.at <= input.now;
  const next: Total = due ? { ...total, at: null } : total;
  const children = due ? [whatFits(spec.step, withSignals(mailbox, roundChild(input, spec, next.round), input.outputs).child)] : [];
  changed.set(TOTAL, next as unknown as Json);
  return {
    ...NOTHING,
    cursor: Object.fromEntries(changed),
    children,
    tells,
    waitUntil: next.at,
    progress: progressOf(spec, next.round),
  };
}

function roundChild(input: AdvanceInput, spec: RoundsSpec, round: number): ReturnType<typeof toolChild> {
  const evaluate = evaluateIn(scopeOf(spec, round, input.outputs));
  const site = { pins: spec.pinned ?? {}, depth: depthOf(input.record.path) };
  return toolChild({ step: spec.step, key: itemKeyOf(spec, round), evaluate, site });
}

function scopeOf(spec: RoundsSpec, index: number, outputs: Outputs): Scope {
  return { ...restore(spec.scope, outputs), item: { value: null, index } };
}

/** Null: another round follows. */
function resultOf(
  spec: RoundsSpec,
  round: number,
  { fact, outputs }: { readonly fact: ChildFact; readonly outputs: Outputs },
): Result | null {
  const { outcome, reason, message, exitCode } = fact;
  const isBad = holds("failed", outcome);
  const facts = readFacts(entryOf(fact), outputs);
  // Of a round that another follows, the output is read by nobody but the condition.
  const ended = (): Result => endsAs({ outcome, reason, message, output: facts.output, ...(exitCode === null ? {} : { exitCode }) });
  const scope = scopeOf(spec, round, outputs);
  const verdict = evaluateIn({ ...scope, step: (name) => (name === spec.step.name ? facts : scope.step(name)) })(spec.until);
  if (!verdict.ok || typeof verdict.value !== "boolean") {
    if (isBad) return ended();
    const why = verdict.ok ? `${spec.until}: it is neither true nor false` : verdict.message;
    return { outcome: "failed_config", reason: "expression_failed", message: `until: ${why}` };
  }
  if (verdict.value) return ended();
  if (round + 1 < spec.maxRounds) return null;
  if (isBad) return ended();
  return {
    outcome: "failed",
    reason: "rounds_exhausted",
    message: `${spec.until} did not hold after ${spec.maxRounds} rounds`,
    output: facts.output,
  };
}

/** A round that was cancelled or expired has failed for the step that needed it: only the engine ends a job so. */
function endsAs(result: Result): Result {
  if (result.outcome === "cancelled" || result.outcome === "expired") return { ...result, outcome: "failed", reason: "step_failed" };
  return result;
}

function progressOf({ maxRounds }: RoundsSpec, done: number): Decision["progress"] {
  return { fraction: null, text: `round ${Math.min(done + 1, maxRounds)} of at most ${maxRounds}` };
}
