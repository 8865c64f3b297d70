/**
 * One result in the format that was asked for: the API's object as JSON or YAML, the names in it, or what people read.
 * Every command answers through here, so that every command has every format, and can be watched (follow/watch-answer.ts).
 */
import { isId, isJsonObject, WindlassError } from "@windlass/kernel";
import type { Column } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export const FORMATS = ["table", "json", "yaml", "wide", "name"] as const;
export type Format = (typeof FORMATS)[number];

/** What a command answers. */
export interface Answer {
  readonly object: unknown;
  /** For `table` and `wide`; `wide` says which. */
  readonly human: (wide: boolean) => string;
  readonly table?: TableOf;
}

export interface TableOf<Row = never> {
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** Said, on standard error, when there are no rows. */
  readonly none: string;
}

export interface Presentation {
  readonly terminal: Terminal;
  readonly format: Format;
  /** Takes the answer instead of the terminal: somebody watches it. */
  readonly show?: (answer: Answer) => void;
}

/** `human` is called for `table` and `wide`; `wide` says which. */
export async function present(presentation: Presentation, object: unknown, human: (wide: boolean) => string): Promise<void> {
  await presentAnswer(presentation, { object, human });
}

export async function presentAnswer({ terminal, format, show }: Presentation, answer: Answer): Promise<void> {
  if (show !== undefined) show(answer);
  else terminal.out(await textOf(answer, format));
}

/** For programs, or for people. */
export const isForPeople = (format: Format): boolean => format === "table" || format === "wide";

async function textOf({ object, human }: Answer, format: Format): Promise<string> {
  switch (format) {
    case "json":
      return `${JSON.stringify(object, null, 2)}\n`;
    case "yaml":
      return (await import("yaml")).stringify(object);
    case "name":
      return namesIn(object)
        .map((name) => `${name}\n`)
        .join("");
    default:
      return human(format === "wide");
  }
}

/** By what commands take: of a job or a dead notice its id, of all else its name. Throws `usage` for an answer without names. */
export function namesIn(object: unknown): readonly string[] {
  return itemsOf(object).map((item) => {
    const name = nameOf(item);
    if (name === undefined) throw new WindlassError("usage", "this answer has no names to print; use -o table, wide, json or yaml");
    return name;
  });
}

/** The items of a list, or the one object itself. */
export function itemsOf(object: unknown): readonly unknown[] {
  return isJsonObject(object) && Array.isArray(object["items"]) ? object["items"] : [object];
}

/** Undefined for what has neither name nor id, nor holds one thing that has. */
export function nameOf(item: unknown): string | undefined {
  if (!isJsonObject(item)) return undefined;
  const { id, name } = item;
  // Nobody finds a dead notice by the name of its workflow.
  if (typeof id === "string" && (isId("job", id) || id.startsWith("notice_"))) return id;
  if (typeof name === "string") return name;
  if (typeof id === "string") return id;
  const within = Object.values(item).filter(isJsonObject);
  return within.length === 1 ? nameOf(within[0]) : undefined;
}
