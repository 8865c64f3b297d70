/** A logger that keeps what it is told, for tests that look at it or print it when they fail. */
import type { Logger } from "@windlass/ports";

export interface KeptLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The newest lines are kept. */
const LINES_MAX = 2_000;

export function quietLogger(
  lines: KeptLine[] = [],
  bound: Readonly<Record<string, unknown>> = {},
): Logger & { readonly lines: readonly KeptLine[] } {
  const keep =
    (level: KeptLine["level"]) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      lines.push({ level, message, fields: { ...bound, ...fields } });
      if (lines.length > LINES_MAX) lines.shift();
    };
  return {
    debug: keep("debug"),
    info: keep("info"),
    warn: keep("warn"),
    error: keep("error"),
    child: (fields) => quietLogger(lines, { ...bound, ...fields }),
    lines,
  };
}
