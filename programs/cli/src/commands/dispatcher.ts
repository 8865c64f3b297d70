/** `windlass dispatcher`, and one pass of it with `--once`. */
import { formatDuration, seconds } from "@windlass/kernel";
import { dispatcher, dispatchOnce, type DispatchedOnce } from "@windlass/schedules";
import { openDispatcher } from "../compose/open-dispatcher.ts";
import { settingsFrom } from "../compose/settings.ts";
import { dataFolderOf } from "../connection/connect.ts";
import { endInTime } from "../machine/end-in-time.ts";
import { interruption } from "../machine/interruption.ts";
import { programLog } from "../machine/program-log.ts";
import type { Call } from "../tree/call.ts";

export interface DispatcherCommandOptions {
  readonly store?: string;
  readonly once?: boolean;
  /** Milliseconds. */
  readonly ahead?: number;
}

/** A CronJob looks each minute at the most. */
const AHEAD_MS: number = seconds(60);

/** Exit code 1 when a schedule of this pass had an error; the others were made all the same. */
export async function runDispatcher(call: Call<DispatcherCommandOptions>): Promise<number> {
  const { options, environment, terminal } = call;
  const settings = settingsFrom(environment, options.store === undefined ? {} : { "store.url": options.store });
  const interrupted = interruption(call);
  const cancelLimit = endInTime(interrupted, { drainMs: settings["drain.seconds"] * 1000, say: (text) => terminal.err(text) });
  const logger = programLog("stderr", environment["WINDLASS_LOG"] ?? (options.once === true ? "error" : "info"));
  const opened = await openDispatcher({ data: dataFolderOf(options, environment), settings, environment, logger });
  try {
    if (options.once === true) return tell(call, await dispatchOnce(opened.evaluating, { aheadMs: options.ahead ?? AHEAD_MS }));
    const loop = dispatcher({ ...opened.evaluating, session: () => opened.session });
    await opened.beside.start();
    await loop.start();
    if (call.format === "json") terminal.out(`${JSON.stringify({ pid: process.pid })}\n`);
    else terminal.out("Looks after schedules. End it with Ctrl-C.\n");
    await interrupted.stay();
    terminal.err("Stopping: what is due next is looked at by the next one.\n");
    await loop.stop();
    await opened.beside.stop();
    return 0;
  } finally {
    await opened.close();
    cancelLimit();
  }
}

function tell({ format, options, terminal }: Call<DispatcherCommandOptions>, once: DispatchedOnce): number {
  const { evaluated, triggered } = once;
  const errors = once.errors.map(({ schedule: { workspace, name }, message }) => ({ workspace, schedule: name, message }));
  if (format === "json") terminal.out(`${JSON.stringify({ evaluated, triggered, errors })}\n`);
  else {
    for (const { workspace, schedule, message } of errors) terminal.err(`${workspace}/${schedule}: ${message}\n`);
    const ahead = formatDuration(options.ahead ?? AHEAD_MS);
    terminal.out(`evaluated ${evaluated}, triggered ${triggered}, errors ${errors.length} (up to ${ahead} ahead)\n`);
  }
  return errors.length === 0 ? 0 : 1;
}
