/** What is wrong with a workflow, by its path in the data; where that is in a text is known to yaml-source.ts alone. */
export type Path = readonly (string | number)[];

/** More are of no help to a reader; whoever finds stops looking then. */
export const FINDINGS_MAX = 100;

export interface Finding {
  readonly path: Path;
  readonly message: string;
  /** True when the key itself is what is wrong, not its value. */
  readonly atKey?: boolean;
  /** Offset in the file, where the path does not tell it. */
  readonly at?: number;
  /** Which part of a text is meant: an expression in it, and the offset in that expression. */
  readonly within?: { readonly text: string; readonly from: number; readonly offset: number };
}

/** `steps[2].tool.kind`; keys that are no plain words in brackets. */
export function pathText(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[\w-]+$/u.test(part)) text += text === "" ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** A value as a message shows it: short, and never more than one line. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** `text`, `a list`, `an object`: what a value is, for messages. */
export function sortOf(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "string") return "text";
  return typeof value === "number" ? "a number" : "a boolean";
}
