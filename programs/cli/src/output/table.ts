/** Tables for people: columns as wide as they must be, figures to the right, the widest cut to fit the terminal. Pure. */
import { printable, type Colour, type Style } from "./style.ts";

export interface Column<Row> {
  readonly title: string;
  /** `wide`: there is room for the long form, such as a time instead of how long ago it was. */
  readonly value: (row: Row, wide: boolean) => string;
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
  /** Rows that follow those of an earlier table: no head, and columns at least as wide as they were; they are noted here. */
  readonly after?: number[];
}

/** What stands to the right: a column of such cells only. */
const FIGURE = /^(-?\d[\d.,]*( ?(%|\/s|[KMGT]i?B|B))?|none|-)$/u;

const GAP = "  ";
const ELASTIC_MIN = 12;

export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], options: TableOptions): string {
  const shown = columns.filter((column) => options.wide || column.wide !== true);
  const cells = rows.map((row) => shown.map((column) => printable(column.value(row, options.wide))));
  const { after = [] } = options;
  const widths = shown.map((column, index) =>
    Math.max(column.title.length, after[index] ?? 0, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  const isBeginning = after.length === 0;
  after.splice(0, Number.MAX_SAFE_INTEGER, ...widths);
  const figures = shown.map((column, index) => column.elastic !== true && cells.every((texts) => isFigure(texts[index] ?? "")));
  shrink(shown, widths, options.width);
  const line = (texts: readonly string[], paint: (index: number) => Colour | null): string =>
    texts
      .map((text, index) => {
        const last = index === texts.length - 1;
        const fitted = cut(text, widths[index] ?? 0);
        const space = " ".repeat((widths[index] ?? 0) - fitted.length);
        const painted = options.style(paint(index), fitted);
        return figures[index] === true ? space + painted : painted + (last ? "" : space);
      })
      .join(GAP)
      .trimEnd();
  const head = line(
    shown.map((column) => column.title),
    () => "dim",
  );
  const body = cells.map((texts, index) => line(texts, (column) => shown[column]?.colour?.(rows[index] as Row) ?? null));
  return `${(isBeginning ? [head, ...body] : body).join("\n")}\n`;
}

function isFigure(text: string): boolean {
  return text === "" || FIGURE.test(text);
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
