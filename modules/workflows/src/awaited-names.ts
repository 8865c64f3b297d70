/** The names of the signals that a step waits for, known when its job is made: one for each that it takes. Pure. */
import type { Outputs } from "@windlass/engine";
import type { Json } from "@windlass/kernel";
import { restore } from "./captured-scope.ts";
import { evaluateIn } from "./scope.ts";
import type { OwnSpec } from "./step-spec.ts";
import { isTemplate, render, textOf } from "./template.ts";

/** Of a loop that of each item, of a repeated step that of each round it may have. An item whose name cannot be told fails by itself. */
export function awaitedNames(spec: OwnSpec, input: Json, outputs: Outputs): readonly string[] {
  if (spec.type === "wait") return "signal" in spec ? [spec.signal] : [];
  if (spec.type !== "loop" && spec.type !== "rounds") return [];
  const { tool } = spec.step;
  const signal = tool.kind === "wait" ? tool.signal : undefined;
  if (signal === undefined) return [];
  const values = spec.type === "rounds" ? Array.from<Json>({ length: spec.maxRounds }).fill(null) : (input as readonly Json[]);
  if (!isTemplate(signal)) return values.map(() => signal);
  const scope = restore(spec.scope, outputs);
  return values.flatMap((value, index) => {
    const rendered = render(signal, evaluateIn({ ...scope, item: { value, index } }));
    return rendered.ok ? [textOf(rendered.value)] : [];
  });
}
