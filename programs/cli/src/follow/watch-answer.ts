/**
 * Gives the answer of a command again whenever something changes: in a terminal it is repainted in place, in a pipe only
 * what is new or changed is printed. Level-triggered: events only say that it is time to look, and what no event tells
 * (a token, a figure that ages) is looked at every few seconds.
 */
import { ERRORS, isWindlassError, messageOf } from "@windlass/kernel";
import { connect } from "../connection/connect.ts";
import { INTERRUPTED, interruption } from "../machine/interruption.ts";
import { keepAlive } from "../machine/rest.ts";
import { systemClock } from "../machine/system-clock.ts";
import { changesOf } from "../output/answer-changes.ts";
import { isForPeople, type Answer } from "../output/present.ts";
import { screenOf } from "../output/screen.ts";
import type { Call, Perform } from "../tree/call.ts";
import { comeBack } from "../tree/typed.ts";

/** Looks are at least so far apart, however much happens. */
const LOOK_MS_MIN = 250;
/** Figures age, and not everything has events. */
const LOOK_MS_MAX = 2_000;

/** Until it is interrupted. What fails at first is thrown; later a server that does not answer is waited for. */
export async function watchAnswer<Options extends object>(call: Call<Options>, perform: Perform<Options>): Promise<number> {
  const interrupted = interruption(call);
  const rest = keepAlive();
  const alarm = alarmOf(interrupted.signal);
  ring(call, interrupted.signal, () => alarm.ring());
  const shown = call.terminal.live && isForPeople(call.format) ? repainted(call) : added(call);
  for (let looked = false; !interrupted.signal.aborted; looked = true) {
    try {
      await shown.answer(await answerOf(call, perform));
    } catch (error) {
      if (!looked || !isWindlassError(error) || !ERRORS[error.code].retry) throw error;
      shown.failure(messageOf(error));
    }
    await alarm.next(LOOK_MS_MIN, LOOK_MS_MAX);
  }
  rest();
  interrupted.takeBack();
  call.terminal.err(`\nNo longer watching. Come back with: ${comeBack(call.typed)}\n`);
  return INTERRUPTED;
}

interface Shown {
  answer(answer: Answer): Promise<void>;
  failure(message: string): void;
}

/** What the command would have printed, in full. */
async function answerOf<Options extends object>(call: Call<Options>, perform: Perform<Options>): Promise<Answer> {
  const { terminal } = call;
  let answer: Answer | undefined;
  let printed = "";
  const silent: Call["terminal"] = {
    ...terminal,
    columns: terminal.columns,
    rows: terminal.rows,
    out: (text) => (printed += String(text)),
    err: () => {},
  };
  await perform({ ...call, terminal: silent, show: (shown) => (answer = shown) });
  return answer ?? { object: printed, human: () => printed };
}

function repainted(call: Call): Shown {
  const { terminal, format } = call;
  const screen = screenOf(terminal, { other: false });
  let lines: readonly string[] = [];
  const paint = (note: string): void => screen.paint([terminal.style("dim", note), "", ...lines]);
  return {
    async answer(answer) {
      const text = answer.table?.rows.length === 0 ? answer.table.none : answer.human(format === "wide").trimEnd();
      lines = text.split("\n");
      paint(`${comeBack(call.typed)}   (Ctrl-C ends it)`);
    },
    failure: (message) => paint(`not up to date: ${message}`),
  };
}

function added(call: Call): Shown {
  const changes = changesOf(call);
  let told = "";
  return {
    async answer(answer) {
      told = "";
      const text = await changes(answer);
      if (text !== "") call.terminal.out(text);
    },
    failure(message) {
      if (told !== message) call.terminal.err(`Not up to date: ${message}\n`);
      told = message;
    },
  };
}

/** Rings at each event; never, where events cannot be watched. */
function ring(call: Call, signal: AbortSignal, bell: () => void): void {
  const listen = async (): Promise<void> => {
    for await (const _item of connect(call, { isSilent: true }).client.events.watch({}, { signal })) bell();
  };
  // Who may not see events sees changes at the next look.
  listen().catch(() => {});
}

interface Alarm {
  ring(): void;
  /** Resolves when it has rung since the last time and `minMs` are over, after `maxMs`, or when it is to end. */
  next(minMs: number, maxMs: number): Promise<void>;
}

function alarmOf(signal: AbortSignal): Alarm {
  let hasRung = false;
  let heard = (): void => {};
  const ring = (): void => {
    hasRung = true;
    heard();
  };
  signal.addEventListener("abort", () => heard());
  return {
    ring,
    async next(minMs, maxMs) {
      await until((done) => (heard = () => void (signal.aborted && done())), minMs, signal);
      if (!hasRung) await until((done) => (heard = done), maxMs, signal);
      hasRung = false;
      heard = () => {};
    },
  };
}

/** Resolves when what is handed to `begin` is called, and after the time at the latest. */
function until(begin: (done: () => void) => void, durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const cancel = systemClock.after(durationMs, resolve);
    begin(() => {
      cancel();
      resolve();
    });
  });
}
