/**
 * Where a watch of the feed begins. A position that this feed never gave out (of another store, or of one that was put
 * back to an earlier state) would otherwise be waited behind for ever, in silence. Pure.
 *
 * P1. Whoever continues behind a position gets everything behind it, or `reset`, never nothing.
 */
export interface FeedStart {
  /** Begin behind this position. */
  readonly from: string;
  /** True: events may have been lost on the way; the caller has to read again. */
  readonly reset: boolean;
}

const BEGINNING = /^0*(-0*)?$/u;

/** `end` is the position of the newest event; `after` has the form that the contract demands of a position. */
export function feedStart(after: string | undefined, end: string): FeedStart {
  if (after === undefined) return { from: end, reset: false };
  if (BEGINNING.test(after)) return { from: "", reset: false };
  // Positions are padded, so those of one feed have one form, and their texts sort as they do.
  const isOurs = formOf(after) === formOf(end) && after <= end;
  return isOurs ? { from: after, reset: false } : { from: end, reset: true };
}

function formOf(position: string): string {
  return position.replace(/\d/gu, "0");
}
