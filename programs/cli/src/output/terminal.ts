/** Where a command writes: results on standard output, everything for people's eyes only on standard error. */
import { plainStyle, colourStyle, type Style } from "./style.ts";
import type { Environment } from "../machine/environment.ts";

export interface Terminal {
  out(text: string | Uint8Array): void;
  err(text: string): void;
  /** Standard output is a terminal: lines may be rewritten in place. */
  readonly live: boolean;
  readonly columns: number;
  readonly rows: number;
  readonly style: Style;
  /** For what goes to standard error. */
  readonly errStyle: Style;
}

interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

const DEFAULT_COLUMNS = 100;
const DEFAULT_ROWS = 24;

/** https://no-color.org; FORCE_COLOR as Node itself reads it. */
export function terminalOf({ stdout, stderr }: Streams, environment: Environment): Terminal {
  const colours = (stream: NodeJS.WriteStream): boolean => {
    if ((environment["NO_COLOR"] ?? "") !== "" || environment["TERM"] === "dumb") return false;
    const forced = environment["FORCE_COLOR"];
    return forced === undefined ? stream.isTTY : forced !== "0";
  };
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    live: stdout.isTTY && environment["TERM"] !== "dumb",
    get columns() {
      // A terminal that does not know its size says 0.
      return stdout.columns > 0 ? stdout.columns : DEFAULT_COLUMNS;
    },
    get rows() {
      return stdout.rows > 0 ? stdout.rows : DEFAULT_ROWS;
    },
    style: colours(stdout) ? colourStyle : plainStyle,
    errStyle: colours(stderr) ? colourStyle : plainStyle,
  };
}
