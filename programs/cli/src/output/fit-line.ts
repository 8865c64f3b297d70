/** Lines of a screen that is rewritten in place. Pure. */

// oxlint-disable-next-line no-control-regex -- colours begin with one
const ESCAPE = /\u001B\[[0-9;]*m/uy;

/** Cuts to so many visible characters: a line that wraps would spoil the count of lines. */
export function fit(line: string, width: number): string {
  let visible = 0;
  for (let i = 0; i < line.length;) {
    ESCAPE.lastIndex = i;
    const escape = ESCAPE.exec(line);
    if (escape !== null) i += escape[0].length;
    else if (++visible > width) return `${line.slice(0, i - 1)}…\u001B[0m`;
    else i++;
  }
  return line;
}
