/** Jobs of kind `workflow`: executions. */
import type { JobKind, RunnerWish } from "@windlass/engine";
import {
  isJsonObject,
  workflowScope,
  type AliasUse,
  type ExecutorName,
  type Fault,
  type JobRecord,
  type Json,
  type JsonObject,
} from "@windlass/kernel";
import { advanceWorkflow, closeWorkflow } from "./advance.ts";
import { aliasesAsWritten, aliasesOfWorkflow } from "./environment.ts";
import { checkDefinition, type ParsedWorkflow } from "./parse-workflow.ts";
import { partsOf, pinFaults, readReference } from "./pins.ts";
import { resolveInputs } from "./resolve-inputs.ts";
import { signalFaults, type Signal } from "./signal-faults.ts";
import { literalImages, patchedImages, withImages } from "./literal-images.ts";
import { VERSION_LABEL } from "./submit-workflow.ts";
import { executorsOf } from "./tool-child.ts";
import { stepsOf } from "./workflow.ts";

export const workflowKind: JobKind = {
  kind: "workflow",
  validate,
  inputs,
  images: literalImages,
  withImages,
  patchedImages,
  executors,
  aliases,
  definitions,
  secretScope: ({ spec }) => workflowScope(partsOf(spec).workflow.metadata.name),
  advance: advanceWorkflow,
  close: closeWorkflow,
  runner: runnerOf,
  signalFaults: takes,
};

/** Specifications that were checked last: one that is run again and again is checked once. */
const CHECKED_MAX = 16;
const checked = new Map<string, ParsedWorkflow>();

function validate(spec: JsonObject, input: Json): readonly Fault[] {
  const parsed = checkOnce(spec);
  if ("faults" in parsed) return parsed.faults.map(({ path, message }) => ({ path: path === "" ? "spec" : `spec.${path}`, message }));
  const faults = pinFaults(parsed.workflow, partsOf(spec).pins);
  if (faults.length > 0) return faults.map(({ path, message }) => ({ path: `spec.${path}`, message }));
  const resolved = resolveInputs(parsed.workflow, input);
  return "faults" in resolved ? resolved.faults : [];
}

/** With its defaults. */
function inputs(spec: JsonObject, given: Json): Json {
  const resolved = resolveInputs(partsOf(spec).workflow, given);
  return "faults" in resolved ? null : resolved.inputs;
}

function takes({ spec }: JobRecord, signal: Signal): readonly Fault[] {
  return signalFaults(
    stepsOf(partsOf(spec).workflow).flatMap(({ tool }) => (tool.kind === "wait" ? [tool] : [])),
    signal,
  );
}

/** Its own, and those that the workflows that it runs write as they are: what their inputs are going to be is not known. */
function aliases(spec: JsonObject, input: Json): readonly AliasUse[] {
  if ("faults" in checkOnce(spec)) return [];
  const { workflow, pins } = partsOf(spec);
  const within = Object.values(pins).map((pinned) => workflowScope(pinned.workflow.metadata.name));
  const ofPinned = Object.entries(pins).flatMap(([name, pinned]) =>
    aliasesAsWritten(pinned.workflow).map(({ path, alias }) => ({ path: `pinned[${JSON.stringify(name)}].${path}`, alias, within })),
  );
  return [...aliasesOfWorkflow(workflow, input), ...ofPinned];
}

/** Its own and those of the workflows that it runs. Of one with faults none: it is refused, and has no children. */
function executors(spec: JsonObject): readonly ExecutorName[] {
  if ("faults" in checkOnce(spec)) return [];
  const { workflow, pins } = partsOf(spec);
  const all = [workflow, ...Object.values(pins).map((pinned) => pinned.workflow)];
  const uses = all.flatMap((one) => stepsOf(one).map(({ tool, executor = one.executor }) => ({ tool, executor })));
  const own = uses.filter(({ tool }) => tool.kind !== "workflow");
  // A runner is a process or a container of the server's.
  const runners = all.flatMap(({ isolation, executor = "process" }) => (isolation === "job" ? [executor] : []));
  return [...new Set([...runners, ...own.flatMap(({ tool, executor }) => executorsOf(tool as unknown as Json, executor))])];
}

/** Its own first, unless it is none that is stored; then those that its steps run. */
function definitions({ name, spec, labels }: Pick<JobRecord, "name" | "spec" | "labels">): readonly string[] {
  const { pinned } = spec;
  const run = isJsonObject(pinned) ? Object.keys(pinned).map((text) => readReference(text)?.name ?? text) : [];
  return [...new Set([...(labels[VERSION_LABEL] === undefined ? [] : [name]), ...run])];
}

/** Null: workers and servers carry its steps out. */
function runnerOf({ spec, labels }: Pick<JobRecord, "spec" | "labels">): RunnerWish | null {
  const { workflow } = partsOf(spec);
  if (workflow.isolation !== "job") return null;
  const { name } = workflow.metadata;
  return { executor: workflow.executor ?? null, workflowId: labels[VERSION_LABEL] ?? name, workflow: name };
}

function checkOnce(spec: JsonObject): ParsedWorkflow {
  const text = JSON.stringify(spec);
  const known = checked.get(text);
  if (known !== undefined) return known;
  const parsed = checkSpec(spec);
  const [oldest] = checked.size >= CHECKED_MAX ? checked.keys() : [];
  if (oldest !== undefined) checked.delete(oldest);
  checked.set(text, parsed);
  return parsed;
}

/** The workflow, and each that is pinned with it. Which are missing is not asked here: a stored definition has none. */
function checkSpec(spec: JsonObject): ParsedWorkflow {
  const { pinned = {}, ...definition } = spec;
  const parsed = checkDefinition(definition);
  if ("faults" in parsed) return parsed;
  if (!isJsonObject(pinned)) return { faults: [{ path: "pinned", message: "expected workflows by what steps write" }] };
  const faults = Object.entries(pinned).flatMap(([name, version]) => {
    const body = isJsonObject(version) ? version["workflow"] : undefined;
    const known = isJsonObject(body) ? checkDefinition(body) : { faults: [{ path: "", message: "expected a workflow" }] };
    const within = `pinned[${JSON.stringify(name)}].workflow`;
    return "faults" in known
      ? known.faults.map(({ path, message }) => ({ path: path === "" ? within : `${within}.${path}`, message }))
      : [];
  });
  return faults.length === 0 ? parsed : { faults };
}
