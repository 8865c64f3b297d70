/**
 * The tree of a parsed expression: its children, the names that are free in it, and the rewriting that bounds what its
 * evaluation costs.
 */
import type { parse } from "@bufbuild/cel";
import { PREDICATES } from "./predicates.ts";

export type Tree = ReturnType<typeof parse>["expr"];

/** Names of functions that no user can write, for the rewritten tree. */
export const TICK = "@tick";
export const CHARGE = "@charge";
export const APPEND = "@append";

interface Child {
  readonly tree: Tree;
  /** Variables that a comprehension binds for this child. */
  readonly binds: readonly string[];
}

function childrenOf(tree: Tree): readonly Child[] {
  const { case: kind, value } = tree.exprKind;
  const plain = (trees: readonly (Tree | undefined)[]): Child[] =>
    trees.filter((child) => child !== undefined).map((child) => ({ tree: child, binds: [] }));
  switch (kind) {
    case "selectExpr":
      return plain([value.operand]);
    case "callExpr":
      return plain([value.target, ...value.args]);
    case "listExpr":
      return plain(value.elements);
    case "structExpr":
      return plain(value.entries.flatMap((entry) => [entry.keyKind.case === "mapKey" ? entry.keyKind.value : undefined, entry.value]));
    case "comprehensionExpr": {
      const inside = [value.loopCondition, value.loopStep].filter((child) => child !== undefined);
      return [
        ...plain([value.iterRange, value.accuInit]),
        ...inside.map((child) => ({ tree: child, binds: [value.iterVar, value.accuVar] })),
        ...(value.result === undefined ? [] : [{ tree: value.result, binds: [value.accuVar] }]),
      ];
    }
    default:
      return [];
  }
}

export interface Reference {
  /** A bare name, a step by `steps['…']`, or `steps` used in another way. */
  readonly by: "name" | "steps" | "all steps";
  readonly name: string;
  readonly tree: Tree;
  /** The only field that is read of it, as far as the text says so; undefined when it is used as a whole. */
  readonly field?: string;
}

/** All names that an expression takes from outside. */
export function referencesOf(tree: Tree, bound: ReadonlySet<string> = new Set()): readonly Reference[] {
  const own = referenceOf(tree, bound);
  if (own !== undefined) return [own];
  if (tree.exprKind.case === "identExpr") return [];
  const { operand, field } = fieldOf(tree);
  const whole = operand === undefined ? undefined : referenceOf(operand, bound);
  if (whole !== undefined && field !== undefined) return [{ ...whole, field }];
  return childrenOf(tree).flatMap((child) => {
    if (isNamespace(tree, child.tree)) return [];
    return referencesOf(child.tree, child.binds.length === 0 ? bound : new Set([...bound, ...child.binds]));
  });
}

/** What a step came to, besides its output. */
const END_FIELDS: ReadonlySet<string | undefined> = new Set(["name", "outcome", "reason", "exit_code", "error"]);

/** The names of which more is read than how a step of that name ended. */
export function openedBy(references: readonly Reference[]): ReadonlySet<string> {
  const opened = references.filter(({ field }) => !END_FIELDS.has(field));
  const all = references.some(({ by }) => by === "all steps");
  return new Set((all ? references : opened).map(({ name }) => name));
}

function referenceOf(tree: Tree, bound: ReadonlySet<string>): Reference | undefined {
  const step = stepIndexOf(tree, bound);
  if (step !== undefined) return { by: "steps", name: step, tree };
  if (tree.exprKind.case !== "identExpr") return undefined;
  const name = tree.exprKind.value.name.replace(/^\./u, "");
  return bound.has(name) ? undefined : { by: name === "steps" ? "all steps" : "name", name, tree };
}

/** What is read of what: `a.b`, `a['b']`, and the outcome for `failed(a)`. */
function fieldOf(tree: Tree): { readonly operand?: Tree | undefined; readonly field?: string | undefined } {
  const { case: kind, value } = tree.exprKind;
  if (kind === "selectExpr") return { operand: value.operand, field: value.field };
  if (kind !== "callExpr") return {};
  const [operand, index] = value.args;
  if (value.function === "_[_]") return { operand, field: textConstantOf(index) };
  const isPredicate = value.target === undefined && (PREDICATES as readonly string[]).includes(value.function);
  return isPredicate && index === undefined ? { operand, field: "outcome" } : {};
}

function textConstantOf(tree: Tree | undefined): string | undefined {
  const constant = tree?.exprKind.case === "constExpr" ? tree.exprKind.value.constantKind : undefined;
  return constant?.case === "stringValue" ? constant.value : undefined;
}

/** The step that `steps['name']` or `steps.name` means. */
export function stepIndexOf(tree: Tree, bound: ReadonlySet<string>): string | undefined {
  const { case: kind, value } = tree.exprKind;
  const [object, index] =
    kind === "callExpr" && value.function === "_[_]" ? value.args : kind === "selectExpr" ? [value.operand, undefined] : [];
  if (object?.exprKind.case !== "identExpr" || object.exprKind.value.name !== "steps" || bound.has("steps")) return undefined;
  if (kind === "selectExpr") return value.field;
  return textConstantOf(index);
}

/** True for `strings` in `strings.quote(x)`: part of the function's name. */
export function isNamespace(tree: Tree, child: Tree): boolean {
  const { case: kind, value } = tree.exprKind;
  return (
    kind === "callExpr" &&
    value.target === child &&
    child.exprKind.case === "identExpr" &&
    child.exprKind.value.name === "strings" &&
    value.function === "quote"
  );
}

/** How deep it is, and how deep its comprehensions are nested. */
export function depthsOf(tree: Tree): { depth: number; loops: number } {
  const inner = childrenOf(tree).map((child) => depthsOf(child.tree));
  const own = tree.exprKind.case === "comprehensionExpr" ? 1 : 0;
  return { depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)), loops: own + Math.max(0, ...inner.map(({ loops }) => loops)) };
}

/** Puts a count into every turn of every comprehension, and makes `map` and `filter` append instead of nesting lists. */
export function bounded(tree: Tree, inLoop = false): void {
  for (const child of childrenOf(tree)) bounded(child.tree, inLoop || child.binds.length > 0);
  const { case: kind, value } = tree.exprKind;
  if (kind === "callExpr") {
    const [left, right] = value.args;
    const appends = value.function === "_+_" && left?.exprKind.case === "identExpr" && left.exprKind.value.name === "@result";
    if (appends && right?.exprKind.case === "listExpr") value.function = APPEND;
    else if (inLoop && REPEATED.has(value.function)) value.args = value.args.map((argument) => call(CHARGE, argument));
  } else if (kind === "comprehensionExpr" && value.loopCondition !== undefined) {
    value.loopCondition = call(TICK, value.loopCondition);
  }
}

/** Functions whose cost grows with their arguments. */
const REPEATED: ReadonlySet<string> = new Set([
  "_==_",
  "_!=_",
  "_+_",
  "@in",
  "matches",
  "contains",
  "join",
  "split",
  "replace",
  "format",
  "size",
  "indexOf",
  "lastIndexOf",
]);

function call(name: string, argument: Tree): Tree {
  return {
    $typeName: "cel.expr.Expr",
    id: argument.id,
    exprKind: { case: "callExpr", value: { $typeName: "cel.expr.Expr.Call", function: name, args: [argument] } },
  };
}
