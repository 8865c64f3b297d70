/** Which names mean what in expressions. */
import { STEP_NAME_LENGTH_MAX } from "./workflow.ts";

/** These always mean themselves; no input and no step may be called so. `secrets` never resolves: it is kept for its own use. */
export const RESERVED_NAMES = ["inputs", "job", "steps", "item", "index", "secrets"] as const;

export const JOB_FIELDS = ["id", "name", "attempt"] as const;

/** Words that CEL keeps for itself (langdef.md, "Lexis"); as bare names they do not parse. */
const CEL_WORDS: ReadonlySet<string> = new Set(
  "false true null in as break const continue else for function if import let loop package namespace return var void while".split(" "),
);

const STEP_NAME = /^[A-Za-z0-9_]([A-Za-z0-9_. -]*[A-Za-z0-9_])?$/u;

export function isReservedName(name: string): boolean {
  return RESERVED_NAMES.some((reserved) => reserved === name);
}

export function isStepName(name: string): boolean {
  return name.length <= STEP_NAME_LENGTH_MAX && STEP_NAME.test(name) && name !== "__proto__";
}

/** False: expressions reach it by `steps['…']` only. */
export function isBareName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/u.test(name) && !CEL_WORDS.has(name);
}

export function isReservedWord(name: string): boolean {
  return CEL_WORDS.has(name);
}
