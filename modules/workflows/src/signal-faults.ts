/** Whether anything in an execution waits for a signal, and for such data: who sends it is told at once. */
import type { Fault, Json } from "@windlass/kernel";
import { suggestion } from "./fields.ts";
import { shown } from "./finding.ts";
import { dataFaults } from "./signal-schema.ts";
import { isTemplate } from "./template.ts";
import type { WaitTool } from "./workflow.ts";

export interface Signal {
  readonly name: string;
  readonly data: Json;
}

/** None when one of the steps takes it, or may: a name with `{{ }}` is known when its step starts. */
export function signalFaults(waits: readonly WaitTool[], { name, data }: Signal): readonly Fault[] {
  const named = waits.flatMap(({ signal, schema }) => (signal === undefined ? [] : [{ signal, schema }]));
  const meant = named.filter(({ signal }) => signal === name);
  const faults = meant.map(({ schema }) => (schema === undefined ? [] : dataFaults(schema, data)));
  if (faults.some((one) => one.length === 0)) return [];
  const [first] = faults;
  if (first !== undefined) return first;
  if (named.some(({ signal }) => isTemplate(signal))) return [];
  const names = named.map(({ signal }) => signal);
  const hint = names.length === 0 ? "; it waits for no signal at all" : suggestion(name, names) || `; its signals: ${names.join(", ")}`;
  return [{ path: "name", message: `nothing waits for a signal ${shown(name)}${hint}` }];
}
