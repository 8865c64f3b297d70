/** Jobs of kind `step`. Those with an executor are carried out there; the others are decided here: nothing to do, waiting, an end that is known, a loop. */
import { NOTHING, type AdvanceInput, type Decision, type JobKind } from "@windlass/engine";
import { EXECUTORS, isJsonObject, unreachable, type ExecutorName, type JobRecord, type JsonObject } from "@windlass/kernel";
import { advanceFinally } from "./advance-finally.ts";
import { advanceLoop, itemKeyOf } from "./advance-loop.ts";
import { advanceRounds } from "./advance-rounds.ts";
import { advanceWait, closeWait } from "./advance-wait.ts";
import { signalFaults } from "./signal-faults.ts";
import { ownSpecOf, stepSpecFaults } from "./step-spec.ts";
import { executorsOf } from "./tool-child.ts";
import type { WaitTool } from "./workflow.ts";

export const stepKind: JobKind = {
  kind: "step",
  validate: stepSpecFaults,
  executors,
  advance,
  close: closeWait,
  itemKey,
  signalFaults: (record, signal) => signalFaults(waitsOf(record.spec), signal),
};

/** What it, or an item of it, waits for. */
function waitsOf(spec: JsonObject): readonly WaitTool[] {
  const own = ownSpecOf(spec);
  if (own.type === "wait" && "signal" in own)
    return [{ kind: "wait", signal: own.signal, ...(own.schema === undefined ? {} : { schema: own.schema }) }];
  return (own.type === "loop" || own.type === "rounds") && own.step.tool.kind === "wait" ? [own.step.tool] : [];
}

/** A loop has a child for each item, with its tool; the steps at the end of an execution may be anything. */
function executors({ type, step }: JsonObject): readonly ExecutorName[] {
  if (type === "finally") return EXECUTORS;
  return (type === "loop" || type === "rounds") && isJsonObject(step) ? executorsOf(step["tool"], step["executor"]) : [];
}

function advance(input: AdvanceInput): Decision {
  const spec = ownSpecOf(input.record.spec);
  switch (spec.type) {
    case "noop":
      return { ...NOTHING, finish: { outcome: "succeeded", reason: "ok", message: null } };
    case "end": {
      const { outcome, reason, message, output } = spec;
      return { ...NOTHING, finish: { outcome, reason, message, ...(output === undefined ? {} : { output }) } };
    }
    case "wait":
      return advanceWait(input, spec);
    case "loop":
      return advanceLoop(input, spec);
    case "rounds":
      return advanceRounds(input, spec);
    case "finally":
      return advanceFinally(input, spec);
    default:
      return unreachable(spec);
  }
}

function itemKey({ spec }: JobRecord, index: number): string | null {
  const own = ownSpecOf(spec);
  return own.type === "loop" || own.type === "rounds" ? itemKeyOf(own, index) : null;
}
