/**
 * The versions of other workflows that an execution runs: looked up once, when it is submitted, and kept in its
 * specification, so that what is applied meanwhile changes nothing of it. Decisions need no store, and a retry runs the
 * same. Decision 0013.
 */
import { isJsonObject, type Fault, type Json, type JsonObject } from "@windlass/kernel";
import { suggestion } from "./fields.ts";
import { pathText, shown } from "./finding.ts";
import { isTemplate } from "./template.ts";
import { placedSteps, specOf, stepsOf, workflowOf, type Workflow } from "./workflow.ts";

export interface Pinned {
  /** Of the stored version. */
  readonly id: string;
  readonly version: number;
  readonly workflow: Workflow;
}

/** By what a step writes: `report`, `report@3`. */
export type Pins = Readonly<Record<string, Pinned>>;

/** `report`, `report@3`, `report@latest`. */
const REFERENCE = /^([a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?)(?:@([1-9]\d{0,8}|latest))?$/u;

export interface Reference {
  readonly name: string;
  /** The newest when left out. */
  readonly version?: number;
}

/** What a name with or without a version means; undefined when it means nothing. */
export function readReference(text: string): Reference | undefined {
  const [, name, version] = REFERENCE.exec(text) ?? [];
  if (name === undefined) return undefined;
  return version === undefined || version === "latest" ? { name } : { name, version: Number(version) };
}

/** The workflows that the steps of one run, with the path of each step's tool. */
export function placesOfReferences(workflow: Workflow): readonly { readonly name: string; readonly path: string }[] {
  return placedSteps(workflow).flatMap(({ step: { tool }, path }) =>
    tool.kind === "workflow" ? [{ name: tool.name, path: pathText([...path, "tool", "name"]) }] : [],
  );
}

/** The same, each once. */
function referencesOf(workflow: Workflow): readonly string[] {
  return [...new Set(stepsOf(workflow).flatMap(({ tool }) => (tool.kind === "workflow" ? [tool.name] : [])))];
}

/** An execution's specification with the versions that it runs; those that it does not come to are left out. */
export function withPins(workflow: Workflow, pins: Pins): JsonObject {
  const reached = reachedFrom(referencesOf(workflow), pins);
  const spec = specOf(workflow);
  return Object.keys(reached).length === 0 ? spec : { ...spec, pinned: reached as unknown as JsonObject };
}

/** What a workflow of this name comes to, itself with it. */
export function pinsFrom(name: string, pins: Pins): Pins {
  return reachedFrom([name], pins);
}

function reachedFrom(names: readonly string[], pins: Pins): Pins {
  const reached = new Map<string, Pinned>();
  const open = [...names];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const pinned = Object.hasOwn(pins, next) ? pins[next] : undefined;
    if (pinned === undefined || reached.has(next)) continue;
    reached.set(next, pinned);
    open.push(...referencesOf(pinned.workflow));
  }
  return Object.fromEntries(reached);
}

/** The two parts of a specification that has been validated. */
export function partsOf(spec: JsonObject): { readonly workflow: Workflow; readonly pins: Pins } {
  const { pinned, ...definition } = spec;
  return { workflow: workflowOf(definition), pins: (pinned ?? {}) as unknown as Pins };
}

/** What is wrong with how workflows are run by each other, as far as it is known before any of them runs. */
export function pinFaults(workflow: Workflow, pins: Pins): readonly Fault[] {
  const known = Object.entries(pins).map(([reference, pinned]) => ({ workflow: pinned.workflow, within: `${reference}: ` }));
  return [{ workflow, within: "" }, ...known].flatMap((caller) =>
    placedSteps(caller.workflow).flatMap(({ step, path: place }) => {
      if (step.tool.kind !== "workflow") return [];
      const { name, inputs } = step.tool;
      const path = pathText([...place, "tool"]);
      const pinned = Object.hasOwn(pins, name) ? pins[name] : undefined;
      if (pinned === undefined)
        return [{ path: `${path}.name`, message: `${caller.within}the version of ${name} is not pinned: run it by workflows.run` }];
      return inputFaults(pinned.workflow, inputs).map((message) => ({
        path: `${path}.inputs`,
        message: `${caller.within}${name}: ${message}`,
      }));
    }),
  );
}

/** Names only: values are known when the step starts. */
function inputFaults({ inputs: specs = {} }: Workflow, given: Json | undefined): readonly string[] {
  if (typeof given === "string" && isTemplate(given)) return [];
  const names = Object.keys(isJsonObject(given) ? given : {});
  const unknown = names.filter((name) => !Object.hasOwn(specs, name));
  const missing = Object.entries(specs).filter(
    ([name, spec]) => spec.default === undefined && spec.required !== false && !names.includes(name),
  );
  return [
    ...unknown.map((name) => `there is no input ${shown(name)}${suggestion(name, Object.keys(specs))}`),
    ...missing.map(([name, { type }]) => `the input ${name} (${type}) is missing`),
  ];
}
