/**
 * `{{ expression }}` in texts. A text that is one whole `{{ }}` keeps the type of its value; inside other text a value
 * becomes text: text as it is, everything else as JSON. `{{ '{{' }}` writes two braces.
 */
import type { Json } from "@windlass/kernel";
import { compileExpression, type Evaluated, type Expression, type Mistake } from "./expression.ts";

export type Part = { readonly literal: string } | { readonly expression: string; readonly offset: number };

/** The longest text that a template may become: more than any system takes as an argument or a variable. */
const RENDERED_LENGTH_MAX = 262_144;
/** Compiled expressions kept: a large workflow's worth. The oldest goes first. */
const CACHE_MAX = 4_096;
const cache = new Map<string, Expression | { readonly mistake: Mistake }>();

/** True when there is anything to render in it. */
export function isTemplate(text: string): boolean {
  return text.includes("{{");
}

/** The only expression of a text that is one whole `{{ }}`. */
export function wholeOf(parts: readonly Part[]): { readonly expression: string; readonly offset: number } | undefined {
  const real = parts.filter((part) => "expression" in part || part.literal.trim() !== "");
  const [only] = real;
  return real.length === 1 && only !== undefined && "expression" in only ? only : undefined;
}

/** Literal text and expressions in turn; a mistake when a `{{` has no end. */
export function splitTemplate(text: string): readonly Part[] | { readonly mistake: Mistake } {
  const parts: Part[] = [];
  let at = 0;
  for (;;) {
    const open = text.indexOf("{{", at);
    if (open < 0) break;
    const close = endOfExpression(text, open + 2);
    if (close < 0) return { mistake: { message: "this {{ has no }}; to write two braces as text, write {{ '{{' }}", offset: open } };
    if (open > at) parts.push({ literal: text.slice(at, open) });
    const inside = text.slice(open + 2, close);
    parts.push({ expression: inside.trim(), offset: open + 2 + inside.length - inside.trimStart().length });
    at = close + 2;
  }
  if (at < text.length || parts.length === 0) parts.push({ literal: text.slice(at) });
  return parts;
}

/** Compiled, or what is wrong; the same text is compiled once. */
export function cachedExpression(text: string): Expression | { readonly mistake: Mistake } {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const made = compileExpression(text);
  const [oldest] = cache.size >= CACHE_MAX ? cache.keys() : [];
  if (oldest !== undefined) cache.delete(oldest);
  cache.set(text, made);
  return made;
}

/** Evaluates one expression, given as text, in whatever scope the caller has. */
export type Evaluate = (expression: string) => Evaluated;

/** Every text in a value rendered, lists and objects through and through; keys stay as they are. */
export function render(value: Json, evaluate: Evaluate): Evaluated {
  if (typeof value === "string") return renderText(value, evaluate);
  if (value === null || typeof value !== "object") return { ok: true, value };
  const entries: [string, Json][] = [];
  for (const [key, field] of Object.entries(value)) {
    const rendered = render(field, evaluate);
    if (!rendered.ok) return rendered;
    entries.push([key, rendered.value]);
  }
  return { ok: true, value: Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries) };
}

/** A value where text is wanted. */
export function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function renderText(text: string, evaluate: Evaluate): Evaluated {
  if (!isTemplate(text)) return { ok: true, value: text };
  const parts = splitTemplate(text);
  if ("mistake" in parts) return { ok: false, message: parts.mistake.message };
  const whole = wholeOf(parts);
  if (whole !== undefined) return evaluate(whole.expression);
  let out = "";
  for (const part of parts) {
    const result: Evaluated = "literal" in part ? { ok: true, value: part.literal } : evaluate(part.expression);
    if (!result.ok) return result;
    out += textOf(result.value);
    if (out.length > RENDERED_LENGTH_MAX) return { ok: false, message: `the text becomes longer than ${RENDERED_LENGTH_MAX} characters` };
  }
  return { ok: true, value: out };
}

/** Where the `}}` is that ends an expression begun at `from`; braces of maps and everything in quotes do not count. */
function endOfExpression(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const character = text[at];
    if (character === "'" || character === '"') at = endOfQuote(text, at);
    else if (character === "{") depth++;
    else if (character === "}" && depth > 0) depth--;
    else if (character === "}" && text[at + 1] === "}") return at;
    if (at < 0) return -1;
  }
  return -1;
}

/** The last character of the quoted text that begins at `from`; -2 when it has no end. */
function endOfQuote(text: string, from: number): number {
  const quote = text[from] ?? "";
  const long = text.startsWith(quote.repeat(3), from);
  const raw = /[rR][bB]?$/u.test(text.slice(Math.max(0, from - 2), from));
  const end = long ? quote.repeat(3) : quote;
  for (let at = from + end.length; at < text.length; at++) {
    if (text[at] === "\\" && !raw) at++;
    else if (text.startsWith(end, at)) return at + end.length - 1;
  }
  return -2;
}
