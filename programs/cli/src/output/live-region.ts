/** Lines at the foot of a terminal that are rewritten in place, while others scroll by above them. */
import { fit } from "./fit-line.ts";
import type { Terminal } from "./terminal.ts";

export interface LiveRegion {
  /** Scrolls by above the region. */
  print(line: string): void;
  set(lines: readonly string[]): void;
  /** Removes the region. */
  clear(): void;
}

/** Without a terminal there is no region: what is set is not shown. */
export function liveRegion(terminal: Terminal): LiveRegion {
  let shown: readonly string[] = [];
  const up = (): string => (shown.length === 0 ? "" : `\u001B[${shown.length}A\r\u001B[J`);
  const text = (lines: readonly string[]): string => lines.map((line) => `${fit(line, terminal.columns - 1)}\n`).join("");
  if (!terminal.live) return { print: (line) => terminal.out(`${line}\n`), set: () => {}, clear: () => {} };
  return {
    print: (line) => terminal.out(`${up()}${line}\n${text(shown)}`),
    set(lines) {
      if (lines.length === shown.length && lines.every((line, index) => line === shown[index])) return;
      terminal.out(up() + text(lines));
      shown = lines;
    },
    clear() {
      terminal.out(up());
      shown = [];
    },
  };
}
