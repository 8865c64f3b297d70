/**
 * What the ends of its runners mean to an isolated execution. The engine makes them while a step is ready and no runner is
 * there; what follows from their deaths for the steps is decided by the policies of the steps, as with any lost worker. Pure.
 *
 * I1. The execution, or what ends it, ends only once its runner has.
 * I2. Runners that cannot work are not made for ever: one that says so itself, or could not be made however often it was tried,
 *     is the last; and so is the third that dies in a row with no step ended in between, and the twentieth that finds nothing to
 *     do. A step of a loop counts as well: it is no child of the execution, but its runner tells that it worked.
 */
import type { Decision } from "@windlass/engine";
import {
  isJsonObject,
  isRunnerKey,
  neverBegan,
  RUNNER_EXIT,
  type ChildFact,
  type Fact,
  type Json,
  type Outcome,
  type Result,
} from "@windlass/kernel";
import { holds } from "./predicates.ts";

/** The entry of the cursor; no step can be called so. */
const ENTRY = "#runner";
const DEATHS_MAX = 3;
/** They come at growing distances (engine, runners.ts, Q5): a quarter of an hour. */
const IDLES_MAX = 20;

interface Entry {
  /** Runners that died with no step ended since. */
  readonly deaths: number;
  /** Runners that found nothing to do since. */
  readonly idles?: number;
  /** How the last one ended, when there is to be none any more. */
  readonly last?: { readonly outcome: Outcome; readonly reason?: "spawn_failed" | "runner_failed"; readonly message: string };
}

export class Runners {
  #entry: Entry;
  #isChanged = false;

  constructor(cursor: ReadonlyMap<string, Json>) {
    const entry = cursor.get(ENTRY);
    this.#entry = isJsonObject(entry) ? (entry as unknown as Entry) : { deaths: 0 };
  }

  /** True when the fact is about a runner, and so about no step. `isOpen`: whether there are steps that want one. */
  take(fact: Fact, isOpen: boolean): boolean {
    if (fact.type !== "child") return false;
    if (!isRunnerKey(fact.key)) {
      if (this.#entry.last === undefined) this.#forget();
      return false;
    }
    if (this.#entry.last !== undefined || !isOpen) return true;
    if (fact.worked === true) this.#forget();
    const { deaths, idles = 0 } = this.#entry;
    if (fact.outcome !== "succeeded") {
      const isLast = deaths + 1 >= DEATHS_MAX || fact.exitCode === RUNNER_EXIT.misled || neverBegan(fact);
      this.#set({ deaths: deaths + 1, idles, ...(isLast ? { last: lastOf(fact) } : {}) });
    } else if (fact.worked !== true) {
      const isLast = idles + 1 >= IDLES_MAX;
      this.#set({ deaths, idles: idles + 1, ...(isLast ? { last: lastOf(fact) } : {}) });
    }
    return true;
  }

  #forget(): void {
    const { deaths, idles = 0 } = this.#entry;
    if (deaths > 0 || idles > 0) this.#set({ deaths: 0 });
  }

  changes(): Readonly<Record<string, Json>> {
    return this.#isChanged ? { [ENTRY]: this.#entry as unknown as Json } : {};
  }

  /** How the execution ends for the sake of its runners; null: it goes on. */
  get givenUp(): Result | null {
    const { last } = this.#entry;
    return last === undefined ? null : { outcome: last.outcome, reason: last.reason ?? "runner_failed", message: last.message };
  }

  #set(entry: Entry): void {
    this.#entry = entry;
    this.#isChanged = true;
  }
}

/** The decision of an execution that has no runner to hope for: what is open ends, nothing begins, and then it ends itself (I1). */
export function givenUp(
  decision: Decision,
  result: Result,
  open: { readonly children: number; readonly steps: readonly string[] },
): Decision {
  const message = "its runner failed";
  const stops = open.steps.map((key) => ({ key, reason: result.reason, message }));
  return { ...decision, children: [], stops, finish: open.children === 0 ? result : null };
}

function lastOf(fact: ChildFact): NonNullable<Entry["last"]> {
  const { id, outcome, message } = fact;
  const ended = holds("failed", outcome) && outcome !== "cancelled" && outcome !== "expired" ? outcome : "failed";
  if (outcome === "succeeded")
    return { outcome: ended, reason: "runner_failed", message: `${IDLES_MAX} runners in a row, the last one ${id}, found nothing to do` };
  const reason = neverBegan(fact) ? "spawn_failed" : "runner_failed";
  return { outcome: ended, reason, message: `its runner ${id} ended as ${outcome}: ${message ?? "it said nothing"}` };
}
