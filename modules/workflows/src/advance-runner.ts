/**
 * What the ends of its runners mean to an isolated execution. The engine makes them while a step is ready and no runner is
 * there; what follows from their deaths for the steps is decided by the policies of the steps, as with any lost worker. Pure.
 *
 * I1. The execution, or what ends it, ends only once its runner has.
 * I2. Runners that cannot work are not made for ever: one that says so itself, or could not be started, is the last; and so is
 *     the third that dies in a row with no step ended in between.
 */
import type { Decision } from "@windlass/engine";
import { isJsonObject, isRunnerKey, type ChildFact, type Fact, type Json, type Outcome, type Result } from "@windlass/kernel";
import { holds } from "./predicates.ts";

/** The entry of the cursor; no step can be called so. */
const ENTRY = "#runner";
const DEATHS_MAX = 3;
/** With which a runner says that its surroundings are not as they must be. */
const SYSTEM_FAULT = 1;

interface Entry {
  /** Runners that died with no step ended since. */
  readonly deaths: number;
  /** How the last one ended, when there is to be none any more. */
  readonly last?: { readonly outcome: Outcome; readonly message: string };
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
      if (this.#entry.deaths > 0 && this.#entry.last === undefined) this.#set({ deaths: 0 });
      return false;
    }
    if (this.#entry.last !== undefined || !isOpen) return true;
    if (fact.outcome === "succeeded") this.#set({ deaths: 0 });
    else {
      const deaths = this.#entry.deaths + 1;
      const isLast = deaths >= DEATHS_MAX || fact.exitCode === SYSTEM_FAULT || neverBegan(fact);
      this.#set({ deaths, ...(isLast ? { last: lastOf(fact) } : {}) });
    }
    return true;
  }

  changes(): Readonly<Record<string, Json>> {
    return this.#isChanged ? { [ENTRY]: this.#entry as unknown as Json } : {};
  }

  /** How the execution ends for the sake of its runners; null: it goes on. */
  get givenUp(): Result | null {
    const { last } = this.#entry;
    return last === undefined ? null : { outcome: last.outcome, reason: "runner_failed", message: last.message };
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
  const stops = open.steps.map((key) => ({ key, reason: "runner_failed" as const, message }));
  return { ...decision, children: [], stops, finish: open.children === 0 ? result : null };
}

function neverBegan({ outcome, reason }: ChildFact): boolean {
  return outcome === "failed_config" || outcome === "failed_image_pull" || reason === "launch_failed";
}

function lastOf({ id, outcome, message }: ChildFact): NonNullable<Entry["last"]> {
  const ended = holds("failed", outcome) && outcome !== "cancelled" && outcome !== "expired" ? outcome : "failed";
  return { outcome: ended, message: `its runner ${id} ended as ${outcome}: ${message ?? "it said nothing"}` };
}
