/** Places in the log of events, as others keep them: the number of the transaction that wrote an event, then the number of the event. */
import type { Row } from "./connection.ts";

export const MARK_DIGITS = 19;

/** Both numbers with leading zeros, so that the text sorts as they do. */
export function positionText([mark, position]: Row): string {
  return `${String(mark).padStart(MARK_DIGITS, "0")}-${String(position).padStart(MARK_DIGITS, "0")}`;
}

export function markAndPosition(text: string): [number, number] {
  return text === "" ? [-1, -1] : [numberIn(text.slice(0, MARK_DIGITS)), numberIn(text.slice(MARK_DIGITS + 1))];
}

/** What is no number of ours must not fail the reading of the others who listen. */
function numberIn(text: string): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(-1, Number(text) || 0));
}
