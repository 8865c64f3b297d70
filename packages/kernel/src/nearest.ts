/**
 * "Did you mean …": the allowed words nearest to one that was typed. A word that is offered must look like a slip of
 * the one that was typed: a wrong offer sends people further astray than none.
 */

/** Of words that are equally near, so many are offered at most: more is a list, and no help. */
export const SUGGESTIONS_MAX = 3;
/** So many letters are enough to be taken for the beginning of a longer word. */
const BEGINNING_MIN = 3;

/** How many edits a word of this length may be away: one letter of five, never two of them. */
function distanceMaxOf(length: number): number {
  if (length < 3) return 0;
  return length < 6 ? 1 : length < 9 ? 2 : 3;
}

/** The candidate nearest to `word`, or undefined when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  return nearestFew(word, candidates)[0];
}

/** The candidates nearest to `word`, in their order: those that are equally near, then those that begin with it. */
export function nearestFew(word: string, candidates: Iterable<string>): readonly string[] {
  const typed = word.toLowerCase();
  let bestDistance = distanceMaxOf(typed.length);
  let best: string[] = [];
  const longer: string[] = [];
  for (const candidate of new Set(candidates)) {
    const distance = distanceOf(typed, candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [[candidate], distance];
    else if (distance === bestDistance) best.push(candidate);
    else if (typed.length >= BEGINNING_MIN && candidate.toLowerCase().startsWith(typed)) longer.push(candidate);
  }
  return (best.length > 0 ? best : longer).slice(0, SUGGESTIONS_MAX);
}

/** `; did you mean "x"?` or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const found = nearestFew(word, candidates).map((each) => `"${each}"`);
  return found.length === 0 ? "" : `; did you mean ${found.join(" or ")}?`;
}

/** Edits (insert, delete, replace, swap of neighbours) between two words: optimal string alignment. */
function distanceOf(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    before = above;
    above = row;
  }
  return above[b.length] ?? 0;
}
