/** Where a reader of a log stands: at a byte of the index, so many bytes into what the line there names. */
import { WindlassError } from "@windlass/kernel";

export interface LogPosition {
  readonly line: number;
  readonly within: number;
}

export const LOG_START: LogPosition = { line: 0, within: 0 };

export function encodeLogPosition(position: LogPosition): string {
  return `${position.line}.${position.within}`;
}

/** Throws `bad_request` for what this store never gave out. */
export function decodeLogPosition(text: string): LogPosition {
  const match = /^(\d{1,15})\.(\d{1,15})$/u.exec(text);
  if (match === null) {
    throw new WindlassError(
      "bad_request",
      `${JSON.stringify(text.slice(0, 40))} is not a position in a log; take \`position\` of an earlier answer`,
    );
  }
  return { line: Number(match[1]), within: Number(match[2]) };
}
