/** Tables for people: columns as wide as they must be, the widest cut to fit the terminal, no borders. Pure. */
import { printable, type Colour, type Style } from "./style.ts";

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly colour?: (row: Row) => Colour | null;
  /** Only with `-o wide`. */
  readonly wide?: boolean;
  /** May be cut to fit; ids and states may not. */
  readonly elastic?: boolean;
}

export interface TableOptions {
  readonly style: Style;
  /** Undefined: as wide as it comes, for what is not a terminal. */
  readonly width?: number | undefined;
  readonly wide: boolean;
}

const GAP = "  ";
const ELASTIC_MIN = 12;

export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], options: TableOptions): string {
  const shown = columns.filter((column) => options.wide || column.wide !== true);
  const cells = rows.map((row) => shown.map((column) => printable(column.value(row))));
  const widths = shown.map((column, index) => Math.max(column.title.length, ...cells.map((line) => line[index]?.length ?? 0)));
  shrink(shown, widths, options.width);
  const line = (texts: readonly string[], paint: (index: number) => Colour | null): string =>
    texts
      .map((text, index) => {
        const last = index === texts.length - 1;
        const fitted = cut(text, widths[index] ?? 0);
        return options.style(paint(index), fitted) + (last ? "" : " ".repeat((widths[index] ?? 0) - fitted.length));
      })
      .join(GAP)
      .trimEnd();
  const head = line(
    shown.map((column) => column.title),
    () => "dim",
  );
  const body = cells.map((texts, index) => line(texts, (column) => shown[column]?.colour?.(rows[index] as Row) ?? null));
  return `${[head, ...body].join("\n")}\n`;
}

/** Takes from the widest elastic column until the line fits. */
function shrink(columns: readonly { readonly elastic?: boolean }[], widths: number[], width: number | undefined): void {
  if (width === undefined) return;
  let excess = widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1)) - width;
  while (excess > 0) {
    const elastic = columns.flatMap((column, index) => (column.elastic === true && (widths[index] ?? 0) > ELASTIC_MIN ? [index] : []));
    const widest = elastic.reduce<number | undefined>(
      (best, index) => (best === undefined || (widths[index] ?? 0) > (widths[best] ?? 0) ? index : best),
      undefined,
    );
    if (widest === undefined) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess--;
  }
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
