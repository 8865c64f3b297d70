/** What differs between two texts, line by line: what went, what came, and a few lines around. Pure. */
export interface DiffLine {
  readonly sign: " " | "-" | "+";
  readonly text: string;
}

/** Lines that are shown around a change. */
const AROUND = 3;
/**
 * Changed lines that are compared with each other at most: the table has the square of it. What begins and ends alike is
 * left out before, so that more than this is another file and is shown as such.
 */
const COMPARED_MAX = 3_000;

/** Empty for equal texts; "…" stands where equal lines are left out. */
export function textDiff(before: string, after: string): readonly (DiffLine | "…")[] {
  const [old, young] = [linesOf(before), linesOf(after)];
  let start = 0;
  while (start < Math.min(old.length, young.length) && old[start] === young[start]) start++;
  let end = 0;
  while (end < Math.min(old.length, young.length) - start && old[old.length - 1 - end] === young[young.length - 1 - end]) end++;
  if (start === old.length && start === young.length) return [];
  const middle = changes(old.slice(start, old.length - end), young.slice(start, young.length - end));
  const same = (lines: readonly string[]): DiffLine[] => lines.map((text) => ({ sign: " ", text }));
  return withoutFar([...same(old.slice(0, start)), ...middle, ...same(end === 0 ? [] : old.slice(-end))]);
}

function linesOf(text: string): readonly string[] {
  return text === "" ? [] : text.replace(/\n$/u, "").split("\n");
}

/** The longest common subsequence stays; the rest went or came. */
function changes(old: readonly string[], young: readonly string[]): DiffLine[] {
  const went = (text: string): DiffLine => ({ sign: "-", text });
  const came = (text: string): DiffLine => ({ sign: "+", text });
  if (Math.max(old.length, young.length) > COMPARED_MAX) return [...old.map(went), ...young.map(came)];
  const width = young.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = young.length - 1; j >= 0; j--)
      common[i * width + j] = old[i] === young[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < old.length && j < young.length) {
    if (old[i] === young[j]) {
      lines.push({ sign: " ", text: old[i++] ?? "" });
      j++;
    } else if (at(i + 1, j) >= at(i, j + 1)) lines.push(went(old[i++] ?? ""));
    else lines.push(came(young[j++] ?? ""));
  }
  return [...lines, ...old.slice(i).map(went), ...young.slice(j).map(came)];
}

function withoutFar(lines: readonly DiffLine[]): (DiffLine | "…")[] {
  const near = new Set<number>();
  for (const [index, { sign }] of lines.entries())
    if (sign !== " ") for (let other = index - AROUND; other <= index + AROUND; other++) near.add(other);
  const shown: (DiffLine | "…")[] = [];
  for (const [index, line] of lines.entries()) {
    if (near.has(index)) shown.push(line);
    else if (shown.at(-1) !== "…") shown.push("…");
  }
  return shown;
}
