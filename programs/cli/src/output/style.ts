/** Colours, and none of them where they would be in the way. */
import type { JobState } from "@windlass/kernel";

const COLOURS = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], blue: [34, 39], cyan: [36, 39] } as const;
export type Colour = keyof typeof COLOURS;
export type Style = (colour: Colour | null, text: string) => string;

export const plainStyle: Style = (_colour, text) => text;

export const colourStyle: Style = (colour, text) => {
  if (colour === null || text === "") return text;
  const [on, off] = COLOURS[colour];
  return `\u001B[${on}m${text}\u001B[${off}m`;
};

const STATES: Record<JobState, { readonly colour: Colour; readonly sign: string }> = {
  scheduled: { colour: "dim", sign: "○" },
  queued: { colour: "dim", sign: "○" },
  running: { colour: "blue", sign: "●" },
  waiting: { colour: "cyan", sign: "◌" },
  stopping: { colour: "yellow", sign: "●" },
  succeeded: { colour: "green", sign: "✓" },
  failed: { colour: "red", sign: "✗" },
  cancelled: { colour: "yellow", sign: "■" },
  expired: { colour: "red", sign: "✗" },
  skipped: { colour: "dim", sign: "–" },
};

/** Unknown states (of a newer server) are shown as they are. */
export function styleOfState(state: string): { readonly colour: Colour | null; readonly sign: string } {
  return Object.hasOwn(STATES, state) ? STATES[state as JobState] : { colour: null, sign: "?" };
}

/** Names and messages come from others: they may not move the cursor or clear the screen. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- the very characters that are to go
  return text.replace(/[\u0000-\u001F\u007F-\u009F]+/gu, " ");
}
