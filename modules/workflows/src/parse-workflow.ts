/** From the text of a workflow file to the workflow, or to all that is wrong with it, each with its line and column. */
import type { Fault, Json, JsonObject } from "@windlass/kernel";
import { shapeFault } from "./check-shape.ts";
import { pathText, type Finding } from "./finding.ts";
import { readWorkflow } from "./read-workflow.ts";
import type { Workflow } from "./workflow.ts";
import { readYaml } from "./yaml-source.ts";

export type ParsedWorkflow = { readonly workflow: Workflow } | { readonly faults: readonly Fault[] };

/** `beside` looks at what the file holds for others. */
export function parseWorkflow(text: string, beside: (data: Json) => readonly Finding[] = () => []): ParsedWorkflow {
  const source = readYaml(text);
  if ("faults" in source) return source;
  const { workflow, findings } = readWorkflow(source.data);
  const all = [...findings, ...beside(source.data)];
  return workflow === null || all.length > 0 ? { faults: source.faultsOf(all) } : { workflow };
}

/** The same for what is data already: a request's body, a stored definition. */
export function checkDefinition(data: JsonObject): ParsedWorkflow {
  const shape = shapeFault(data);
  if (shape !== undefined) return { faults: [shape] };
  const { workflow, findings } = readWorkflow(data);
  return workflow === null ? { faults: findings.map(({ path, message }) => ({ path: pathText(path), message })) } : { workflow };
}
