/**
 * The whole screen of a terminal, rewritten in place: no flicker, for nothing is cleared before it is written anew.
 * Only for terminals that are live. Asks for the size each time, so that a window may change while it is shown.
 */
import { fit } from "./fit-line.ts";
import type { Terminal } from "./terminal.ts";

export interface Screen {
  paint(lines: readonly string[]): void;
  /** Leaves the cursor below what is shown; of the other screen, goes back to what was there before. */
  leave(): void;
}

const HOME = "\u001B[H";
const END_OF_LINE = "\u001B[K";
const BELOW = "\u001B[J";
const OTHER_SCREEN = "\u001B[?1049h\u001B[?25l";
const FIRST_SCREEN = "\u001B[?25h\u001B[?1049l";

/** `other`: the terminal's second screen, for what looks like a program of its own; it leaves no trace. */
export function screenOf(terminal: Pick<Terminal, "out" | "columns" | "rows">, { other }: { readonly other: boolean }): Screen {
  let isEntered = false;
  return {
    paint(lines) {
      const room = terminal.rows - 1;
      const rest = lines.length - room;
      const shown = rest > 0 ? [...lines.slice(0, room - 1), `… ${rest + 1} more lines`] : lines;
      const enter = isEntered ? "" : other ? OTHER_SCREEN : `${HOME}${BELOW}`;
      isEntered = true;
      terminal.out(`${enter}${HOME}${shown.map((line) => `${fit(line, terminal.columns - 1)}${END_OF_LINE}\n`).join("")}${BELOW}`);
    },
    leave() {
      if (isEntered && other) terminal.out(FIRST_SCREEN);
      isEntered = false;
    },
  };
}
