/**
 * `succeeded(x)`, `failed(x)`, `skipped(x)`, `finished(x)`: one table over all outcomes. Of the first three exactly one
 * holds for a finished step, so that conditions written with them cover every end.
 */
import { outcomes, stateOf, type Outcome } from "@windlass/kernel";

export const PREDICATES = ["succeeded", "failed", "skipped", "finished"] as const;
export type Predicate = (typeof PREDICATES)[number];

/** What each outcome counts as; `finished` holds for all of them. A step that was cancelled or expired did not do its work: it failed. */
export const COUNTS_AS = Object.fromEntries(outcomes.map((outcome) => [outcome, countsAs(outcome)])) as Readonly<
  Record<Outcome, Exclude<Predicate, "finished">>
>;

export function holds(predicate: Predicate, outcome: Outcome): boolean {
  return predicate === "finished" || COUNTS_AS[outcome] === predicate;
}

function countsAs(outcome: Outcome): Exclude<Predicate, "finished"> {
  const state = stateOf(outcome);
  return state === "succeeded" || state === "skipped" ? state : "failed";
}
