import type { Command } from "commander";
import { plainStyle } from "../output/style.ts";
import { programOf } from "../program.ts";

/** The program of the command line, in surroundings where nothing is set. `out`: what becomes of what it prints; nothing when left out. */
export function quietProgram(out: (text: string | Uint8Array) => void = () => {}): Command {
  const terminal = { out, err: () => {}, live: false, columns: 80, rows: 24, style: plainStyle, errStyle: plainStyle };
  return programOf({ terminal, environment: {}, typed: [], onInterrupt: () => () => {} }, () => {});
}
