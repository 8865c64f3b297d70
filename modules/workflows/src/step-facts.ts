/** How a step ended, in what an execution or a loop remembers. A large output stays where it is: only its place is remembered. */
import type { Outputs } from "@windlass/engine";
import type { ChildFact, Json, OutputRef } from "@windlass/kernel";
import { holds } from "./predicates.ts";
import type { StepFacts } from "./scope.ts";

/** What is remembered of an end. */
export function entryOf({ outcome, reason, exitCode, output, outputRef, message }: ChildFact): Json {
  const error = holds("failed", outcome) ? (message ?? outcome) : null;
  return { outcome, reason, exitCode, output, error, ...(outputRef === undefined ? {} : { outputRef: { ...outputRef } }) };
}

/** What is remembered, to be read: a large output is asked for when somebody looks at it. */
export function readFacts(entry: Json, outputs: Outputs): StepFacts {
  const facts = entry as unknown as StepFacts;
  const ref = facts.outputRef;
  if (ref === undefined) return facts;
  return {
    ...facts,
    get output() {
      return outputs([ref])[0] ?? null;
    },
  };
}

/** Where the output stands when it is large; undefined when it is part of the entry, or there is none. */
export function outputRefOf(entry: Json | undefined): OutputRef | undefined {
  return (entry as { readonly outputRef?: OutputRef } | null | undefined)?.outputRef;
}
