/**
 * One CEL expression: parsed once, evaluated with a bound on its cost.
 *
 * C1. Neither parsing nor evaluating throws: what is wrong comes back as a message.
 * C2. Cost is bounded: the length of the text, the depth of the tree, how deep comprehensions are nested, and in one
 *     evaluation the turns of comprehensions plus the size of what they compare and join.
 * C3. Evaluation sees the variables it is given and nothing else.
 */
import {
  celEnv,
  celFunc,
  celList,
  CelScalar,
  isCelError,
  isCelList,
  isCelMap,
  listType,
  parse,
  plan,
  type CelInput,
  type CelList,
  type CelValue,
} from "@bufbuild/cel";
import { strings } from "@bufbuild/cel/ext";
import { messageOf, outcomes, type Json } from "@windlass/kernel";
import { jsonOf } from "./cel-value.ts";
import { APPEND, bounded, CHARGE, depthsOf, openedBy, referencesOf, TICK, type Reference, type Tree } from "./expression-tree.ts";
import { isReservedWord } from "./names.ts";
import { holds, PREDICATES, type Predicate } from "./predicates.ts";

/** Longer ones are programs and belong in a step. */
const LENGTH_MAX = 4_096;
/** Recursion over the tree stays far from the end of the stack. */
const DEPTH_MAX = 250;
/** Three lists of sixty items inside each other already make as many turns as are allowed. */
const LOOPS_MAX = 3;
/** Turns of comprehensions, and sizes of what is compared inside them, in one evaluation: well under a second. */
const COST_MAX = 200_000;
/** How many characters of text count as one turn. */
const TEXT_PER_COST = 64;

export interface Mistake {
  readonly message: string;
  /** Where in the expression, counted from 0. */
  readonly offset: number;
}

export interface Parsed {
  readonly tree: Tree;
  /** Offset in the text of a node, by its id. */
  offsetOf(tree: Tree): number;
}

export type Evaluated = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly message: string };

export interface Expression {
  readonly text: string;
  /** The names that it takes from outside. */
  readonly references: readonly Reference[];
  /** Those names of steps whose output it reads: of the others it asks only how they ended. */
  readonly opened: ReadonlySet<string>;
  /** A name that is not among the variables is unknown: C3. */
  evaluate(variables: Readonly<Record<string, CelInput>>): Evaluated;
}

/** The cost of the evaluation that runs now; evaluation is synchronous, so there is only one. */
let cost = 0;
const ours = new WeakMap<CelList, CelValue[]>();

const environment = celEnv({
  funcs: [
    ...strings,
    ...PREDICATES.map((predicate) =>
      celFunc(predicate, [CelScalar.DYN], CelScalar.BOOL, (step) => holds(predicate, outcomeOf(step, predicate))),
    ),
    celFunc(TICK, [CelScalar.DYN], CelScalar.DYN, (value) => spend(1, value)),
    celFunc(CHARGE, [CelScalar.DYN], CelScalar.DYN, (value) => spend(sizeOf(value), value)),
    celFunc(APPEND, [listType(CelScalar.DYN), listType(CelScalar.DYN)], listType(CelScalar.DYN), append),
  ],
});

/** All functions that an expression may call. */
export const functions = [...environment.funcs];

/** Parses without planning: for checks. */
export function parseExpression(text: string): Parsed | { readonly mistake: Mistake } {
  if (text.length > LENGTH_MAX)
    return { mistake: { message: `the expression has ${text.length} characters; ${LENGTH_MAX} are allowed`, offset: 0 } };
  if (text.trim() === "") return { mistake: { message: "the expression is empty", offset: 0 } };
  try {
    const { expr, sourceInfo } = parse(text);
    const { depth, loops } = depthsOf(expr);
    if (depth > DEPTH_MAX) return { mistake: { message: `the expression is nested ${depth} deep; ${DEPTH_MAX} is allowed`, offset: 0 } };
    if (loops > LOOPS_MAX)
      return {
        mistake: { message: `${loops} of map, filter, all and exists stand inside each other; ${LOOPS_MAX} are allowed`, offset: 0 },
      };
    const positions = sourceInfo?.positions ?? {};
    return { tree: expr, offsetOf: (tree) => startOf(tree, positions) };
  } catch (error) {
    return { mistake: syntaxMistake(text, error) };
  }
}

export function compileExpression(text: string): Expression | { readonly mistake: Mistake } {
  const parsed = parseExpression(text);
  if ("mistake" in parsed) return parsed;
  let run: ((variables: Record<string, CelInput>) => unknown) | undefined;
  const evaluate = (variables: Readonly<Record<string, CelInput>>): Evaluated => {
    try {
      cost = 0;
      if (run === undefined) {
        const copy = parse(text).expr;
        bounded(copy);
        run = plan(environment, copy) as (variables: Record<string, CelInput>) => unknown;
      }
      const value = run(variables);
      // `||` and `&&` may have swallowed the error that ended a comprehension.
      if (cost > COST_MAX) return { ok: false, message: TOO_DEAR };
      if (isCelError(value)) return { ok: false, message: plainText(value.message) };
      return { ok: true, value: jsonOf(value as CelValue) };
    } catch (error) {
      return { ok: false, message: error instanceof RangeError ? "it goes too deep or grows too large" : plainText(messageOf(error)) };
    }
  };
  const references = referencesOf(parsed.tree);
  return { text, references, opened: openedBy(references), evaluate };
}

const TOO_DEAR = `it does too much: more than ${COST_MAX} turns`;

function spend(amount: number, value: CelInput): CelInput {
  cost += amount;
  if (cost > COST_MAX) throw new Error(TOO_DEAR);
  return value;
}

function sizeOf(value: CelValue): number {
  if (typeof value === "string") return 1 + Math.floor(value.length / TEXT_PER_COST);
  return isCelList(value) || isCelMap(value) ? 1 + value.size : 1;
}

/** `map` and `filter` make their list item by item; the library nests a list in a list for each, and reading 10,000 of those overflows the stack. */
function append(list: CelList, more: CelList): CelList {
  const own = ours.get(list);
  if (own !== undefined) {
    own.push(...more);
    return list;
  }
  const items = [...list, ...more];
  const made = celList(items);
  ours.set(made, items);
  return made;
}

function outcomeOf(step: CelValue, predicate: Predicate): (typeof outcomes)[number] {
  const outcome = isCelMap(step) ? step.get("outcome") : undefined;
  const known = outcomes.find((candidate) => candidate === outcome);
  if (known === undefined) throw new Error(`${predicate}(…) takes a step, by its name: ${predicate}(extract)`);
  return known;
}

/** The leftmost position of a node: the library gives an operator its own place, which for `a.b` is the dot. */
function startOf(tree: Tree, positions: Readonly<Record<string, number>>): number {
  let node = tree;
  for (;;) {
    const { case: kind, value } = node.exprKind;
    const left =
      kind === "selectExpr"
        ? value.operand
        : kind === "callExpr" && (value.target !== undefined || value.function.startsWith("_"))
          ? (value.target ?? value.args[0])
          : undefined;
    if (left === undefined) return positions[String(node.id)] ?? 0;
    node = left;
  }
}

function syntaxMistake(text: string, error: unknown): Mistake {
  if (error instanceof RangeError) return { message: "the expression is nested too deeply", offset: 0 };
  const offset = (error as { location?: { start?: { offset?: number } } }).location?.start?.offset ?? 0;
  const message = (error as { rawMessage?: string }).rawMessage ?? messageOf(error);
  const word = /^\w+/u.exec(text.slice(offset))?.[0] ?? "";
  if (message.startsWith("reserved") && isReservedWord(word)) {
    return {
      message: `${word} is a reserved word of the expression language; reach a step of that name by steps['${word}'], an input by inputs['${word}']`,
      offset,
    };
  }
  const short = message.length > 120 ? (/^found [^ ]+(?: of input)?/u.exec(message)?.[0] ?? "it cannot be read") : message;
  return { message: `not a valid expression: ${short}`, offset };
}

/** The library's words for what goes wrong most often, in ours. */
function plainText(message: string): string {
  return message
    .replace(/^unresolved attribute$/u, "it reads something that is not there")
    .replace(/(?:unresolved attribute )?field not found: (.*)$/u, "there is no field $1")
    .replace(/^<input>:\d+:\d+: /u, "");
}
