/** Finds every expression of a workflow and checks it with the names that mean something where it stands. */
import { isJsonObject, type Json } from "@windlass/kernel";
import { checkExpression, type Vocabulary } from "./check-expression.ts";
import type { Mistake } from "./expression.ts";
import { suggestion } from "./fields.ts";
import { FINDINGS_MAX, shown, type Finding, type Path } from "./finding.ts";
import { ancestry } from "./graph.ts";
import type { Type } from "./infer-type.ts";
import { isTemplate, splitTemplate, wholeOf } from "./template.ts";
import type { InputSpec, Step, Workflow } from "./workflow.ts";

interface Place {
  readonly path: Path;
  readonly vocabulary: Vocabulary;
  readonly findings: Finding[];
}

/** Adds what it finds to `findings`. `data` is what the workflow was read from: faults are told by its keys. */
export function checkExpressions({
  workflow,
  data,
  findings,
  graphIsSound,
}: {
  workflow: Workflow;
  data: Json;
  findings: Finding[];
  graphIsSound: boolean;
}): void {
  const { steps, finally: last = [] } = workflow;
  const comesBefore = graphIsSound ? ancestry(steps) : () => true;
  const base = {
    inputs: new Map(Object.entries(workflow.inputs ?? {}).map(([name, spec]): [string, Type] => [name, typeOf(spec)])),
    steps: new Set(steps.map(({ name }) => name).filter((name) => name !== "")),
    hasJob: true,
    inLoop: false,
  };
  const key = workflow.concurrency?.key;
  if (key !== undefined) {
    const vocabulary = { ...base, hasJob: false, barred: () => "no step has run yet when this is read" };
    checkTemplates(key, { path: ["concurrency", "key"], vocabulary, findings });
  }
  for (const [index, step] of steps.entries()) {
    if (findings.length >= FINDINGS_MAX) return;
    const vocabulary: Vocabulary = { ...base, barred: (name) => barredFor(step, name, comesBefore) };
    const path = ["steps", index];
    checkHandles({ step, path, findings, vocabulary });
    checkStep({ step, raw: at(at(data, "steps"), index), place: { path, vocabulary, findings } });
  }
  const atEnd = graphIsSound ? ancestry(last) : () => true;
  const ofEnd = new Set(last.map(({ name }) => name));
  for (const [index, step] of last.entries()) {
    // All others have finished by then.
    const barred = (name: string): string | undefined => (ofEnd.has(name) ? barredFor(step, name, atEnd) : undefined);
    const vocabulary: Vocabulary = { ...base, steps: new Set([...base.steps, ...ofEnd]), barred };
    checkStep({ step, raw: at(at(data, "finally"), index), place: { path: ["finally", index], vocabulary, findings } });
  }
  if (workflow.output !== undefined)
    checkTemplates(workflow.output, { path: ["output"], vocabulary: { ...base, barred: () => undefined }, findings });
}

function checkStep({ step, raw, place }: { step: Step; raw: Json; place: Place }): void {
  const { path, findings, vocabulary } = place;
  if (step.when !== undefined) checkCondition(step.when, { ...place, path: [...path, "when"] });
  if (step.foreach !== undefined) checkForeach(step.foreach, { ...place, path: [...path, "foreach"] });
  if (step.until !== undefined) checkUntil(step, step.until, place);
  const inLoop = step.foreach !== undefined || step.until !== undefined;
  const within = { findings, vocabulary: { ...vocabulary, inLoop, hasItem: step.foreach !== undefined } };
  for (const key of ["tool", "concurrency"]) checkTemplates(at(raw, key), { ...within, path: [...path, key] });
}

function checkCondition(text: string, { path, findings, vocabulary }: Place): void {
  const checked = checkExpression(text, vocabulary);
  note({ findings, path, text, from: 0 }, checked.mistakes);
  if (!["bool", "dyn"].includes(checked.type))
    findings.push({ path, message: `a condition is true or false; this is a value of type ${checked.type}` });
}

/** Under its own name it sees the round that has just ended. */
function checkUntil({ name: own }: Step, until: string, place: Place): void {
  const { barred } = place.vocabulary;
  const vocabulary = {
    ...place.vocabulary,
    inLoop: true,
    hasItem: false,
    barred: (name: string) => (name === own ? undefined : barred(name)),
  };
  checkCondition(until, { ...place, vocabulary, path: [...place.path, "until"] });
}

function checkForeach(foreach: Json, place: Place): void {
  checkTemplates(foreach, place);
  const parts = typeof foreach === "string" ? splitTemplate(foreach) : undefined;
  const whole = parts === undefined || "mistake" in parts ? undefined : wholeOf(parts);
  const type = whole === undefined ? "dyn" : checkExpression(whole.expression, place.vocabulary).type;
  if (type !== "list" && type !== "dyn")
    place.findings.push({ path: place.path, message: `foreach takes a list; this is a value of type ${type}` });
}

function checkHandles({ step, path, findings, vocabulary }: { step: Step; path: Path; findings: Finding[]; vocabulary: Vocabulary }): void {
  for (const [index, name] of (step.handles ?? []).entries()) {
    const message = vocabulary.steps.has(name)
      ? vocabulary.barred(name)
      : `no step is called ${shown(name)}${suggestion(name, [...vocabulary.steps])}`;
    if (message !== undefined) findings.push({ path: [...path, "handles", index], message });
  }
}

/** Every text in a value, however deep. */
function checkTemplates(value: Json, place: Place): void {
  if (typeof value === "string") checkText(value, place);
  else if (value !== null && typeof value === "object") {
    for (const [key, field] of Object.entries(value))
      checkTemplates(field, { ...place, path: [...place.path, Array.isArray(value) ? Number(key) : key] });
  }
}

function checkText(text: string, { path, vocabulary, findings }: Place): void {
  if (!isTemplate(text)) return;
  const parts = splitTemplate(text);
  if ("mistake" in parts) {
    note({ findings, path, text, from: 0 }, [parts.mistake]);
    return;
  }
  for (const part of parts) {
    if ("literal" in part) continue;
    const { mistakes } = checkExpression(part.expression, vocabulary);
    const from = part.expression === "" ? 0 : text.slice(0, part.offset).split(part.expression).length - 1;
    note({ findings, path, text: part.expression, from }, mistakes);
  }
}

function note(
  { findings, path, text, from }: { findings: Finding[]; path: Path; text: string; from: number },
  mistakes: readonly Mistake[],
): void {
  for (const { message, offset } of mistakes) findings.push({ path, message, within: { text, from, offset } });
}

function barredFor(step: Step, name: string, comesBefore: (before: string, after: string) => boolean): string | undefined {
  if (name === step.name) return "a step cannot read itself";
  return comesBefore(name, step.name) ? undefined : `${name} may not have finished by then: add it to needs`;
}

/** What is optional may be null, so nothing is known of it. */
function typeOf(spec: InputSpec): Type {
  if (spec.required === false && spec.default === undefined) return "dyn";
  return { string: "string", integer: "int", number: "double", boolean: "bool", array: "list", object: "map" }[spec.type];
}

function at(value: Json, key: string | number): Json {
  if (Array.isArray(value)) return (value as readonly Json[])[key as number] ?? null;
  return isJsonObject(value) && Object.hasOwn(value, key) ? (value[key] ?? null) : null;
}
