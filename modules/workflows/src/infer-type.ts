/**
 * The type of an expression as far as it can be known before it runs, and what can never work: unknown functions,
 * operators on types they are not defined for, fields of what has none. What comes from outputs is `dyn`: anything.
 */
import type { Mistake, Parsed } from "./expression.ts";
import { functions } from "./expression.ts";
import { isNamespace, type Tree } from "./expression-tree.ts";
import { suggestion } from "./fields.ts";
import { PREDICATES } from "./predicates.ts";

/** CEL's names of types, `dyn`, and `step` for the facts of a step. */
export type Type = string;

export interface Typing {
  readonly parsed: Parsed;
  /** The type of a tree that means something of ours (a name, `inputs.day`, `steps['x'].outcome`); undefined when it does not. */
  readonly known: (tree: Tree, bound: ReadonlyMap<string, Type>) => Type | undefined;
  readonly mistakes: Mistake[];
}

export function inferType(tree: Tree, typing: Typing, bound: ReadonlyMap<string, Type> = new Map()): Type {
  const known = typing.known(tree, bound);
  if (known !== undefined) return known;
  const { case: kind, value } = tree.exprKind;
  switch (kind) {
    case "constExpr":
      return CONSTANTS[value.constantKind.case ?? ""] ?? "dyn";
    case "identExpr":
      return bound.get(value.name) ?? "dyn";
    case "selectExpr": {
      const operand = value.operand === undefined ? "dyn" : inferType(value.operand, typing, bound);
      if (!OBJECTS.has(operand)) mistake(typing, tree, `a value of type ${operand} has no field ${value.field}`);
      return value.testOnly ? "bool" : "dyn";
    }
    case "listExpr":
      for (const element of value.elements) inferType(element, typing, bound);
      return "list";
    case "structExpr":
      if (value.messageName !== "") mistake(typing, tree, `there is no type ${value.messageName}`);
      for (const { keyKind, value: field } of value.entries) {
        if (keyKind.case === "mapKey") inferType(keyKind.value, typing, bound);
        if (field !== undefined) inferType(field, typing, bound);
      }
      return "map";
    case "callExpr":
      return inferCall(tree, typing, bound);
    case "comprehensionExpr":
      return inferComprehension(tree, typing, bound);
    default:
      return "dyn";
  }
}

const CONSTANTS: Record<string, Type> = {
  stringValue: "string",
  int64Value: "int",
  uint64Value: "uint",
  doubleValue: "double",
  boolValue: "bool",
  bytesValue: "bytes",
  nullValue: "null_type",
};
const OBJECTS: ReadonlySet<Type> = new Set(["dyn", "map", "step"]);

function mistake(typing: Typing, tree: Tree, message: string): void {
  typing.mistakes.push({ message, offset: typing.parsed.offsetOf(tree) });
}

function inferComprehension(tree: Tree, typing: Typing, bound: ReadonlyMap<string, Type>): Type {
  if (tree.exprKind.case !== "comprehensionExpr") return "dyn";
  const { iterRange, iterVar, accuInit, accuVar, loopCondition, loopStep, result } = tree.exprKind.value;
  const range = iterRange === undefined ? "dyn" : inferType(iterRange, typing, bound);
  if (iterRange !== undefined && !["list", "map", "dyn"].includes(range))
    mistake(typing, iterRange, `only lists and maps have items, not a value of type ${range}`);
  const accumulated = accuInit === undefined ? "dyn" : inferType(accuInit, typing, bound);
  const inside = new Map([...bound, [iterVar, range === "map" ? "string" : "dyn"], [accuVar, accumulated]] as const);
  for (const part of [loopCondition, loopStep]) if (part !== undefined) inferType(part, typing, inside);
  return result === undefined ? "dyn" : inferType(result, typing, new Map([...bound, [accuVar, accumulated]]));
}

function inferCall(tree: Tree, typing: Typing, bound: ReadonlyMap<string, Type>): Type {
  if (tree.exprKind.case !== "callExpr") return "dyn";
  const call = tree.exprKind.value;
  const qualified = call.target !== undefined && isNamespace(tree, call.target);
  const name = qualified ? "strings.quote" : call.function;
  const target = call.target === undefined || qualified ? undefined : inferType(call.target, typing, bound);
  const types = call.args.map((argument) => inferType(argument, typing, bound));
  switch (name) {
    case "_&&_":
    case "_||_":
    case "@not_strictly_false":
      for (const [index, type] of types.entries()) mustBeBool(typing, call.args[index] ?? tree, type);
      return "bool";
    case "_?_:_":
      mustBeBool(typing, call.args[0] ?? tree, types[0] ?? "dyn");
      return types[1] === types[2] ? (types[1] ?? "dyn") : "dyn";
    case "_[_]":
      if (!OBJECTS.has(types[0] ?? "dyn") && types[0] !== "list") mistake(typing, tree, `a value of type ${types[0]} has no items`);
      return "dyn";
  }
  if (
    PREDICATES.some((predicate) => predicate === name) &&
    target === undefined &&
    types.length === 1 &&
    types[0] !== "step" &&
    types[0] !== "dyn"
  ) {
    mistake(typing, tree, `${name}(…) takes a step, not a value of type ${types[0]}: ${name}(extract)`);
    return "bool";
  }
  return inferOverload({ tree, typing, name, target, types });
}

function inferOverload({
  tree,
  typing,
  name,
  target,
  types,
}: {
  tree: Tree;
  typing: Typing;
  name: string;
  target: Type | undefined;
  types: readonly Type[];
}): Type {
  const named = functions.filter((candidate) => candidate.name === name);
  if (named.length === 0) {
    const words = [...new Set(functions.map((candidate) => candidate.name))].filter((word) => /^[a-z]/iu.test(word));
    mistake(typing, tree, `there is no function ${name}${suggestion(name, words)}`);
    return "dyn";
  }
  const fitting = named.filter(
    (candidate) =>
      (candidate.target === undefined) === (target === undefined) &&
      fits(target, candidate.target?.name) &&
      candidate.arguments.length === types.length &&
      types.every((type, index) => fits(type, candidate.arguments[index]?.name)),
  );
  if (fitting.length === 0) {
    const operator = /[_!@-]/u.test(name) ? name.replace(/[_@]/gu, "").trim() : undefined;
    const given = types.join(" and ") || "nothing";
    const where = target === undefined ? "" : ` of a value of type ${target}`;
    mistake(
      typing,
      tree,
      operator === undefined ? `there is no ${name}(…)${where} that takes ${given}` : `${operator} cannot be used with ${given}`,
    );
    return "dyn";
  }
  const results = new Set(fitting.map((candidate) => candidate.result.name));
  const [only] = results;
  return results.size === 1 && only !== undefined ? only : "dyn";
}

function fits(given: Type | undefined, wanted: Type | undefined): boolean {
  if (given === undefined || wanted === undefined) return given === wanted;
  return given === "dyn" || wanted === "dyn" || given === wanted || (given === "step" && wanted === "map");
}

function mustBeBool(typing: Typing, tree: Tree, type: Type): void {
  if (type !== "bool" && type !== "dyn") mistake(typing, tree, `expected true or false, found a value of type ${type}`);
}
