/** What comes next in a step that waits: for a time, for a signal that its parent tells it of, for a person. */
import { NOTHING, type AdvanceInput, type Decision } from "@windlass/engine";
import type { Result, SignalFact } from "@windlass/kernel";
import { givenBack } from "./mailbox.ts";
import { dataFaults } from "./signal-schema.ts";
import type { SignalSpec, WaitSpec } from "./step-spec.ts";

const DONE: Decision = { ...NOTHING, finish: { outcome: "succeeded", reason: "ok", message: null } };

export function advanceWait(input: AdvanceInput, spec: WaitSpec): Decision {
  if ("signal" in spec) return advanceSignal(input, spec);
  // A person ends it; nothing is decided here (kernel, Settle).
  if ("approval" in spec) return { ...NOTHING, waitFor: { for: "approval", ...spec.approval } };
  const stored = input.cursor.get("until");
  const until = "until" in spec ? spec.until : typeof stored === "number" ? stored : input.now + spec.ms;
  return input.now < until ? { ...NOTHING, cursor: { until }, waitUntil: until } : DONE;
}

function advanceSignal({ facts }: AdvanceInput, spec: SignalSpec): Decision {
  const signals = facts.filter((fact) => fact.type === "signal");
  const told = spec.given ?? signals.shift();
  if (told === undefined) return { ...NOTHING, waitFor: { for: "signal", name: spec.signal } };
  return { ...NOTHING, tells: signals.map(givenBack), finish: resultOf(told, spec) };
}

/** While it is being stopped: what it was told at the last moment is for the next that waits. */
export function closeWait({ facts }: AdvanceInput): Pick<Decision, "cursor" | "children" | "tells"> {
  return { cursor: {}, children: [], tells: facts.filter((fact) => fact.type === "signal").map(givenBack) };
}

/** Who sends a signal is told at once what is wrong with it, unless which step it meets was not known then. */
function resultOf({ data, by, at }: Pick<SignalFact, "data" | "by" | "at">, { signal, schema }: SignalSpec): Result {
  const evidence = { signal, by, at };
  const faults = schema === undefined ? [] : dataFaults(schema, data);
  if (faults.length === 0) return { outcome: "succeeded", reason: "ok", message: null, output: data, evidence };
  const message = `the signal ${signal} is not what is waited for: ${faults.map((fault) => fault.message).join("; ")}`;
  return { outcome: "failed", reason: "input_invalid", message, evidence };
}
