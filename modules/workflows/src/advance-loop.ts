/**
 * What comes next in a loop: at most `maxParallel` items run at once, in order; the outputs come out in the order of
 * the items. A loop is a job of its own below the execution, so that its step is one job with one outcome.
 *
 * L1. Item n is started once: `next` only grows.
 * L2. One end touches the entry of that item and the total, however many items there are; the last reads all, once.
 * L3. With `failFast` the first failure starts nothing more and ends what runs.
 */
import type { AdvanceInput, ChildSpec, Decision, Outputs } from "@windlass/engine";
import { depthOf, isJsonObject, OUTPUT_LENGTH_MAX, type Json, type Result } from "@windlass/kernel";
import { restore } from "./captured-scope.ts";
import { whatFits } from "./ended-child.ts";
import { entriesOf, Mailbox, withSignals, type Told } from "./mailbox.ts";
import { holds } from "./predicates.ts";
import { evaluateIn } from "./scope.ts";
import { entryOf, outputRefOf, readFacts } from "./step-facts.ts";
import type { LoopSpec } from "./step-spec.ts";
import { toolChild } from "./tool-child.ts";

const TOTAL = "#";
const NAMED_MAX = 5;

interface Total {
  /** The first item that was not started yet. */
  readonly next: number;
  readonly done: number;
  readonly failed: number;
}

export function advanceLoop(input: AdvanceInput, spec: LoopSpec): Decision {
  const items = (Array.isArray(input.record.input) ? input.record.input : []) as readonly Json[];
  const changed = new Map<string, Json>();
  const before = totalOf(input.cursor.get(TOTAL));
  let { next, done, failed } = before;
  const tells: Told[] = [];
  const mailbox = new Mailbox(entriesOf(input.cursor, changed));
  for (const fact of input.facts) {
    const told = fact.type === "signal" ? mailbox.receive(fact) : null;
    if (told !== null) tells.push(told);
    if (fact.type !== "child" || changed.has(fact.key) || input.cursor.has(fact.key)) continue;
    changed.set(fact.key, entryOf(fact));
    mailbox.ended(fact.key);
    done++;
    if (holds("failed", fact.outcome)) failed++;
  }
  const stopped = spec.failFast && failed > 0;
  const running = next - done;
  const last = stopped ? next : Math.min(items.length, next + spec.maxParallel - running);
  const children: ChildSpec[] = [];
  const scope = restore(spec.scope, input.outputs);
  const site = { pins: spec.pinned ?? {}, depth: depthOf(input.record.path) };
  for (; next < last; next++) {
    const evaluate = evaluateIn({ ...scope, item: { value: items[next] ?? null, index: next } });
    const made = toolChild({ step: spec.step, key: itemKeyOf(spec, next), evaluate, site });
    children.push(whatFits(spec.step, withSignals(mailbox, made, input.outputs).child));
  }
  changed.set(TOTAL, { next, done, failed });
  const over = done === next && (stopped || next === items.length);
  const entry = (index: number): Json | undefined => changed.get(itemKeyOf(spec, index)) ?? input.cursor.get(itemKeyOf(spec, index));
  return {
    cursor: Object.fromEntries(changed),
    children,
    stops: stopped && !over ? runningKeys(spec, next, entry) : [],
    tells: over ? mailbox.givenBack() : tells,
    waitUntil: null,
    progress: { fraction: done / items.length, text: `${done} of ${items.length} items` },
    finish: over
      ? finishOf(
          spec,
          Array.from(items, (_, index) => entry(index)),
          input.outputs,
        )
      : null,
  };
}

function totalOf(entry: Json | undefined): Total {
  return isJsonObject(entry) ? (entry as unknown as Total) : { next: 0, done: 0, failed: 0 };
}

/** The key of the child that carries an item out. */
export function itemKeyOf(spec: Pick<LoopSpec, "step">, index: number): string {
  return `${spec.step.name}[${index}]`;
}

/** At most `maxParallel` of them run, but those that ended in between must be passed over: only after a failure. */
function runningKeys(spec: LoopSpec, next: number, entry: (index: number) => Json | undefined): Decision["stops"] {
  const keys: { key: string; reason: "fail_fast"; message: string }[] = [];
  for (let index = 0; index < next; index++) {
    if (entry(index) === undefined)
      keys.push({ key: itemKeyOf(spec, index), reason: "fail_fast", message: "another item of its loop failed" });
  }
  return keys;
}

/** The loop ends as its first failed item did: the first in order, leaving out those that were ended for another's sake. */
function finishOf(spec: LoopSpec, entries: readonly (Json | undefined)[], outputs: Outputs): Result {
  const count = entries.length;
  const refs = entries.map(outputRefOf).filter((ref) => ref !== undefined);
  const all = entries.map((entry) => (entry === undefined ? undefined : readFacts(entry, outputs)));
  // Nothing large is read only to find that there is too much of it; the rest is asked for at once.
  const isTooLarge = refs.reduce((sum, { length }) => sum + length, 0) > OUTPUT_LENGTH_MAX;
  if (!isTooLarge) outputs(refs);
  const output = isTooLarge ? null : all.map((item) => item?.output ?? null);
  const failed = [...all.keys()].filter((index) => all[index] !== undefined && holds("failed", all[index].outcome));
  const tooLarge = output === null || JSON.stringify(output).length > OUTPUT_LENGTH_MAX;
  if (failed.length === 0) {
    if (tooLarge)
      return {
        outcome: "failed",
        reason: "output_too_large",
        message: `the outputs of its ${count} items together are larger than ${OUTPUT_LENGTH_MAX} characters`,
      };
    return { outcome: "succeeded", reason: "ok", message: null, output };
  }
  const real = failed.filter((index) => all[index]?.reason !== "fail_fast");
  const first = all[real[0] ?? 0];
  const names = real.slice(0, NAMED_MAX).map((index) => `${itemKeyOf(spec, index)} (${all[index]?.outcome ?? ""})`);
  const ended =
    first !== undefined && first.outcome.startsWith("failed")
      ? { outcome: first.outcome, reason: first.reason }
      : { outcome: "failed" as const, reason: "step_failed" as const };
  return {
    ...ended,
    message: `${real.length} of ${count} items failed: ${names.join(", ")}${real.length > NAMED_MAX ? ` and ${real.length - NAMED_MAX} more` : ""}`,
    ...(first?.exitCode === null || first === undefined ? {} : { exitCode: first.exitCode }),
    ...(tooLarge ? {} : { output }),
  };
}
