/** Lists and single objects of the API, printed in the format that was asked for. */
import { systemClock } from "../machine/system-clock.ts";
import type { Call } from "../tree/call.ts";
import { isForPeople, presentAnswer, type TableOf } from "./present.ts";
import { renderTable } from "./table.ts";

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

/** `title: value` lines; empty values are left out. */
export function fields(call: Call, entries: readonly (readonly [string, string])[]): string {
  const shown = entries.filter(([, value]) => value !== "");
  const width = Math.max(0, ...shown.map(([title]) => title.length));
  return shown.map(([title, value]) => `${call.terminal.style("dim", `${title}:`.padEnd(width + 1))} ${value}\n`).join("");
}

export const now = (): number => systemClock.now();
