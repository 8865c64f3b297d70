/** Dead letters that a redrive leaves where they are, and why: counted by their reasons, however many there are. Pure. */
import type { NoticeFault, Reason } from "@windlass/kernel";

export interface LettersLeft {
  /** That they died of. */
  readonly reason: Reason | NoticeFault;
  /** Why they are left. */
  readonly why: string;
  readonly count: number;
  /** The first of them. */
  readonly ids: readonly string[];
}

export interface LeftTally {
  add(letter: { readonly id: string; readonly reason: Reason | NoticeFault }, why: string): void;
  all(): readonly LettersLeft[];
}

/** Enough to look at some of them; a list by their reason has the others. */
const IDS_TOLD = 10;

export function leftTally(): LeftTally {
  const groups = new Map<string, LettersLeft>();
  return {
    add({ id, reason }, why) {
      const key = `${reason} ${why}`;
      const { count, ids } = groups.get(key) ?? { count: 0, ids: [] };
      groups.set(key, { reason, why, count: count + 1, ids: ids.length < IDS_TOLD ? [...ids, id] : ids });
    },
    all: () => [...groups.values()],
  };
}
