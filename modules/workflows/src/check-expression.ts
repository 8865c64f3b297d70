/** What is wrong with one expression before it ever runs: how it is written, the names it uses, the types it mixes. */
import { outcomes } from "@windlass/kernel";
import { parseExpression, type Mistake, type Parsed } from "./expression.ts";
import { referencesOf, stepIndexOf, type Reference, type Tree } from "./expression-tree.ts";
import { suggestion } from "./fields.ts";
import { inferType, type Type } from "./infer-type.ts";
import { isBareName, JOB_FIELDS, RESERVED_NAMES } from "./names.ts";

/** What an expression may speak of where it stands. */
export interface Vocabulary {
  readonly inputs: ReadonlyMap<string, Type>;
  readonly steps: ReadonlySet<string>;
  /** Why a step that exists may not be read here; undefined when it may. */
  readonly barred: (step: string) => string | undefined;
  /** True where `item` and `index` mean something. */
  readonly inLoop: boolean;
  /** False where only `index` does. */
  readonly hasItem?: boolean;
  /** False where the execution does not exist yet. */
  readonly hasJob: boolean;
}

export interface Checked {
  readonly type: Type;
  readonly mistakes: readonly Mistake[];
  /** Steps that it names. */
  readonly steps: readonly string[];
}

const TYPE_NAMES: ReadonlySet<string> = new Set(["int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type"]);

export function checkExpression(text: string, vocabulary: Vocabulary): Checked {
  const parsed = parseExpression(text);
  if ("mistake" in parsed) return { type: "dyn", mistakes: [parsed.mistake], steps: [] };
  const mistakes: Mistake[] = [];
  const steps = new Set<string>();
  let covered = 0;
  for (const reference of referencesOf(parsed.tree)) {
    const offset = parsed.offsetOf(reference.tree);
    const dashed = reference.by === "name" ? dashedStep(text, offset, vocabulary) : undefined;
    if (dashed !== undefined) {
      mistakes.push({ message: `${dashed} is read as a calculation; write steps['${dashed}']`, offset });
      covered = offset + dashed.length;
    } else if (offset >= covered) {
      const message = referenceFault(reference, vocabulary);
      if (message !== undefined) mistakes.push({ message, offset });
      else if (reference.by === "steps" || vocabulary.steps.has(reference.name)) steps.add(reference.name);
    }
  }
  if (mistakes.length > 0) return { type: "dyn", mistakes, steps: [...steps] };
  const known = (tree: Tree, bound: ReadonlyMap<string, Type>): Type | undefined =>
    knownType({ tree, bound, vocabulary, parsed, mistakes });
  const type = inferType(parsed.tree, { parsed, known, mistakes });
  return { type, mistakes, steps: [...steps] };
}

/** A step whose name stands here but is read as something else, such as `check-db`. */
function dashedStep(text: string, offset: number, { steps }: Vocabulary): string | undefined {
  const word = /^[\w.-]+/u.exec(text.slice(offset))?.[0] ?? "";
  for (let end = word.length; end > 0; end--) {
    const name = word.slice(0, end);
    if (name.includes("-") && steps.has(name)) return name;
  }
  return undefined;
}

function referenceFault({ by, name }: Reference, vocabulary: Vocabulary): string | undefined {
  const { steps, inputs, inLoop, hasItem = true, hasJob } = vocabulary;
  if (by === "all steps") return "steps is followed by the name of one step in quotes: steps['extract']";
  if (by === "steps") return steps.has(name) ? vocabulary.barred(name) : `no step is called ${name}${suggestion(name, [...steps])}`;
  if (name === "inputs" || TYPE_NAMES.has(name)) return undefined;
  if (name === "job") return hasJob ? undefined : "the job does not exist yet when this is read";
  if (name === "item" || name === "index")
    return inLoop && (hasItem || name === "index") ? undefined : `${name} means something only in the tool of a step with foreach`;
  if (name === "secrets") return "secrets are never read by expressions";
  if (steps.has(name)) return vocabulary.barred(name);
  if (inputs.has(name)) return undefined;
  const near = suggestion(name, [
    ...inputs.keys(),
    ...[...steps].filter(isBareName),
    ...RESERVED_NAMES.filter((word) => word !== "secrets"),
  ]);
  const hidden = [...steps].find((step) => !isBareName(step) && step.startsWith(name));
  return `nothing is called ${name} here${hidden === undefined ? near : `; the step ${hidden} is reached by steps['${hidden}']`}`;
}

interface Question {
  readonly tree: Tree;
  readonly bound: ReadonlyMap<string, Type>;
  readonly vocabulary: Vocabulary;
  readonly parsed: Parsed;
  readonly mistakes: Mistake[];
}

function knownType(question: Question): Type | undefined {
  const { tree, bound, vocabulary } = question;
  if (stepIndexOf(tree, new Set(bound.keys())) !== undefined) return "step";
  const { case: kind, value } = tree.exprKind;
  if (kind === "identExpr") return bound.has(value.name) ? undefined : nameType(value.name, vocabulary);
  if (kind === "callExpr" && (value.function === "_==_" || value.function === "_!=_")) checkOutcome(question, value.args);
  const field = fieldOf(tree);
  if (field === undefined) return undefined;
  const object =
    field.object.exprKind.case === "identExpr" && !bound.has(field.object.exprKind.value.name)
      ? field.object.exprKind.value.name
      : undefined;
  if (object === "inputs")
    return (
      missingField(question, field.name, { names: [...vocabulary.inputs.keys()], what: "input" }) ??
      testOnly(tree) ??
      vocabulary.inputs.get(field.name) ??
      "dyn"
    );
  if (object === "job")
    return missingField(question, field.name, { names: JOB_FIELDS, what: "field of job" }) ?? (field.name === "attempt" ? "int" : "string");
  if (isStep(field.object, question)) return testOnly(tree) ?? (["name", "outcome", "reason"].includes(field.name) ? "string" : "dyn");
  return undefined;
}

function testOnly(tree: Tree): Type | undefined {
  return tree.exprKind.case === "selectExpr" && tree.exprKind.value.testOnly ? "bool" : undefined;
}

function nameType(name: string, { steps, inputs }: Vocabulary): Type | undefined {
  if (name === "inputs" || name === "job") return "map";
  if (name === "index") return "int";
  if (steps.has(name)) return "step";
  return TYPE_NAMES.has(name) && !inputs.has(name) ? "type" : inputs.get(name);
}

/** `a.b` and `a['b']` alike. */
function fieldOf(tree: Tree): { object: Tree; name: string } | undefined {
  const { case: kind, value } = tree.exprKind;
  if (kind === "selectExpr") return value.operand === undefined ? undefined : { object: value.operand, name: value.field };
  if (kind !== "callExpr" || value.function !== "_[_]") return undefined;
  const [object, index] = value.args;
  const key = index?.exprKind.case === "constExpr" ? index.exprKind.value.constantKind : undefined;
  return object !== undefined && key?.case === "stringValue" ? { object, name: key.value } : undefined;
}

/** Notes a field that is not there; undefined when it is. */
function missingField(
  { tree, parsed, mistakes }: Question,
  name: string,
  { names, what }: { names: readonly string[]; what: string },
): Type | undefined {
  if (names.includes(name)) return undefined;
  mistakes.push({ message: `there is no ${what} called ${name}${suggestion(name, names)}`, offset: parsed.offsetOf(tree) });
  return "dyn";
}

function isStep(tree: Tree, { bound, vocabulary }: Question): boolean {
  if (stepIndexOf(tree, new Set(bound.keys())) !== undefined) return true;
  return tree.exprKind.case === "identExpr" && !bound.has(tree.exprKind.value.name) && vocabulary.steps.has(tree.exprKind.value.name);
}

/** `x.outcome == 'failed_om'` would never hold: the word is none of the outcomes. */
function checkOutcome(question: Question, [left, right]: readonly Tree[]): void {
  for (const [side, other] of [
    [left, right],
    [right, left],
  ]) {
    const field = side === undefined ? undefined : fieldOf(side);
    const constant = other?.exprKind.case === "constExpr" ? other.exprKind.value.constantKind : undefined;
    if (field?.name !== "outcome" || other === undefined || constant?.case !== "stringValue" || !isStep(field.object, question)) continue;
    if (outcomes.some((outcome) => outcome === constant.value)) continue;
    const message = `there is no outcome '${constant.value}'${suggestion(constant.value, outcomes) || `; outcomes: ${outcomes.join(", ")}`}`;
    question.mistakes.push({ message, offset: question.parsed.offsetOf(other) });
  }
}
