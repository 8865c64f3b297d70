/** Deaths that were brought about, as people read them: how soon each was told, what was taken for what, and the verdict. Pure. */
import type { Confusion } from "@windlass/k8s-watcher";
import type { Style } from "./style.ts";
import { renderTable, type Column } from "./table.ts";

/** Below this part of right answers a cluster's deaths are not told apart well enough. */
const RIGHT_MIN = 0.99;

export function conformanceText(confusion: Confusion, style: Style): string {
  const { right, all, matrix, deaths } = confusion;
  const options = { style, wide: true };
  const told = [...new Set(Object.values(matrix).flatMap((row) => Object.keys(row)))].toSorted();
  const columns: readonly Column<MatrixRow>[] = [
    { title: "TRUE \\ TOLD", value: ([truth]) => truth },
    ...told.map((name) => ({ title: name, value: ([, row]: MatrixRow) => String(row[name] ?? ".") })),
  ];
  const part = all === 0 ? 0 : (100 * right) / all;
  const verdict = isConformant(confusion) ? "well enough" : "not well enough";
  return `${renderTable(TIMES, deaths, options)}
MEDIAN and MAX: seconds from the death until it was told; SHOWN: those since the cluster showed it.

${renderTable(columns, Object.entries(matrix), options)}
${right} of ${all} told right (${part.toFixed(1)} %): ${verdict}, for ${100 * RIGHT_MIN} % are wanted.
`;
}

export function isConformant({ right, all }: Pick<Confusion, "right" | "all">): boolean {
  return all > 0 && right >= RIGHT_MIN * all;
}

type MatrixRow = readonly [string, Readonly<Record<string, number>>];

const second = (value: number | null): string => (value === null ? "-" : value.toFixed(1));

const TIMES: readonly Column<Confusion["deaths"][number]>[] = [
  { title: "DEATH", value: ({ death }) => death },
  { title: "RIGHT", value: (one) => `${one.right}/${one.all}` },
  { title: "MEDIAN", value: ({ medianSeconds }) => second(medianSeconds) },
  { title: "MAX", value: ({ maxSeconds }) => second(maxSeconds) },
  { title: "SHOWN", value: ({ medianShownSeconds }) => second(medianShownSeconds) },
  { title: "SHOWN MAX", value: ({ maxShownSeconds }) => second(maxShownSeconds) },
  { title: "TOLD", value: (one) => one.told.join(", ") },
];
