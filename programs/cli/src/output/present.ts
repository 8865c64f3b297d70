/** One result in the format that was asked for: the API's object as JSON or YAML, or what people read. */
import type { Terminal } from "./terminal.ts";

export const FORMATS = ["table", "json", "yaml", "wide"] as const;
export type Format = (typeof FORMATS)[number];

export interface Presentation {
  readonly terminal: Terminal;
  readonly format: Format;
}

/** `human` is called for `table` and `wide`; `wide` says which. */
export async function present({ terminal, format }: Presentation, object: unknown, human: (wide: boolean) => string): Promise<void> {
  if (format === "json") terminal.out(`${JSON.stringify(object, null, 2)}\n`);
  else if (format === "yaml") terminal.out((await import("yaml")).stringify(object));
  else terminal.out(human(format === "wide"));
}
