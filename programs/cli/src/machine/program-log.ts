/**
 * The log of the program itself: JSON lines, on standard error or in a file of the data folder. A file that has grown is
 * put aside when the program starts, so two of them are kept at most.
 */
import { mkdirSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Logger } from "@windlass/ports";
import { pino, type Logger as Pino } from "pino";

/** Beyond this a log file is put aside. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

export type LogTarget = { readonly file: string } | "stderr";

/** Text that is kept while it cannot be written. */
const KEPT_LENGTH_MAX = 1_000_000;

/** Writes at once: what was logged last is what one wants to know after a crash. */
export function programLog(target: LogTarget, level: string): Logger {
  if (target !== "stderr") putAside(target.file);
  const destination = pino.destination({ dest: target === "stderr" ? 2 : target.file, sync: true, maxLength: KEPT_LENGTH_MAX });
  // A full disk is no reason to end: what could not be written is kept up to that length, then left out.
  destination.on("error", () => {});
  return loggerOf(
    pino(
      { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
      destination,
    ),
  );
}

function loggerOf(log: Pino): Logger {
  return {
    debug: (message, fields) => log.debug(fields ?? {}, message),
    info: (message, fields) => log.info(fields ?? {}, message),
    warn: (message, fields) => log.warn(fields ?? {}, message),
    error: (message, fields) => log.error(fields ?? {}, message),
    child: (fields) => loggerOf(log.child(fields)),
  };
}

function putAside(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > FILE_BYTES_MAX) renameSync(file, `${file}.1`);
}
