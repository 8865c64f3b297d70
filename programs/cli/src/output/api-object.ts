/** Lists and single objects of the API, printed in the format that was asked for. */
import { systemClock } from "../machine/system-clock.ts";
import type { Call } from "../tree/call.ts";
import { isForPeople, presentAnswer, type TableOf } from "./present.ts";
import { printable, type Colour } from "./style.ts";
import { renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** `none` is said, on standard error, when there are no rows. */
export async function presentTable<Row>(call: Call, object: unknown, table: TableOf<Row>): Promise<void> {
  const { terminal } = call;
  if (table.rows.length === 0 && isForPeople(call.format) && call.show === undefined) {
    terminal.err(`${table.none}\n`);
    return;
  }
  await presentAnswer(call, {
    object,
    table: table as unknown as TableOf,
    human: (wide) =>
      renderTable(table.columns, table.rows, { style: terminal.style, width: terminal.live ? terminal.columns : undefined, wide }),
  });
}

/** Says to people, and not among what they asked for, how a list goes on; null: it does not. */
export function tellMore({ terminal, format }: Pick<Call, "terminal" | "format">, how: string | null): void {
  if (how !== null && isForPeople(format)) terminal.err(`There are more: add ${how}.\n`);
}

/** The same, for a list that is continued behind a cursor. */
export function tellCursor(call: Pick<Call, "terminal" | "format">, cursor: string | null): void {
  tellMore(call, cursor === null ? null : `--cursor ${cursor}`);
}

/** A colour is for the value: what comes in a value itself, from whoever wrote it, moves nothing on the terminal. */
export type Field = readonly [title: string, value: string, colour?: Colour | null];

/** `title: value` lines; empty values are left out. */
export function fields({ terminal: { style } }: { readonly terminal: Pick<Terminal, "style"> }, entries: readonly Field[]): string {
  const shown = entries.filter(([, value]) => value !== "");
  const width = Math.max(0, ...shown.map(([title]) => title.length));
  return shown
    .map(([title, value, colour = null]) => `${style("dim", `${title}:`.padEnd(width + 1))} ${style(colour, printable(value))}\n`)
    .join("");
}

export const now = (): number => systemClock.now();
