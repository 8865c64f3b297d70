/**
 * `windlass top`: how a server is, while one looks. In a terminal it fills the window until q; in a pipe, or with
 * --once, it is told once. What is shown is looked at each second; rates are counted from the feed of events.
 */
import { ERRORS, hasCode, isWindlassError, messageOf } from "@windlass/kernel";
import { allPages } from "../connection/all-pages.ts";
import { connect, type Connection } from "../connection/connect.ts";
import { INTERRUPTED, interruption } from "../machine/interruption.ts";
import { keepAlive, rest } from "../machine/rest.ts";
import { systemClock } from "../machine/system-clock.ts";
import { listenToTerminal } from "../machine/terminal-input.ts";
import { isForPeople, present } from "../output/present.ts";
import { screenOf } from "../output/screen.ts";
import { ratesSince, type Rates } from "../top/rates.ts";
import { SORTS, topLines, type Snapshot, type View } from "../top/top-lines.ts";
import type { Call } from "../tree/call.ts";
import { comeBack } from "../tree/typed.ts";

const LOOK_MS = 1_000;
/** How long a single look counts. */
const MEASURED_MS = 1_000;
/** The most jobs that are asked for; a window shows fewer. */
const RUNNING_MAX = 100;
const CTRL_C = "\u0003";
const [LEFT, RIGHT] = ["\u001B[D", "\u001B[C"];

export async function top(call: Call<{ readonly once?: boolean }>): Promise<number> {
  const connection = connect(call, { isSilent: true });
  const { terminal } = call;
  const ended = new AbortController();
  const rates = countRates(connection, ended.signal);
  try {
    const first = await lookAt(connection, rates);
    if (call.options.once !== true && terminal.live && isForPeople(call.format)) return await fill(call, { connection, rates, first });
    await rest(MEASURED_MS);
    const snapshot = await lookAt(connection, rates);
    const view: View = { sort: "name", paused: false, note: "" };
    await present(
      call,
      objectOf(snapshot),
      () => `${topLines(snapshot, view, { columns: undefined, rows: undefined, style: terminal.style }).join("\n")}\n`,
    );
    return 0;
  } finally {
    ended.abort();
  }
}

interface Filling {
  readonly connection: Connection;
  readonly rates: Rates;
  readonly first: Snapshot;
}

async function fill(call: Call, { connection, rates, first }: Filling): Promise<number> {
  const { terminal } = call;
  const interrupted = interruption(call);
  const screen = screenOf(terminal, { other: true });
  const left = Promise.withResolvers<number>();
  let view: View = { sort: "queued", paused: false, note: "" };
  let snapshot = first;
  const paint = (): void => {
    const lines = topLines(snapshot, view, { columns: terminal.columns - 1, rows: terminal.rows - 2, style: terminal.style });
    screen.paint([...lines, terminal.style("dim", "q ends · p pauses · ← → sort the queues")]);
  };
  const turn = (by: number): void => {
    view = { ...view, sort: SORTS[(SORTS.indexOf(view.sort) + by + SORTS.length) % SORTS.length] ?? "name" };
  };
  const onKey = (key: string): void => {
    if (key === "q" || key === "Q") return left.resolve(0);
    if (key === CTRL_C) return left.resolve(INTERRUPTED);
    if (key === "p" || key === " ") view = { ...view, paused: !view.paused };
    if (key === RIGHT) turn(1);
    if (key === LEFT) turn(-1);
    paint();
  };
  const input = listenToTerminal({ onKey, onResize: paint, restore: () => screen.leave() });
  void interrupted.asked.then(() => left.resolve(INTERRUPTED));
  const stop = repeatedly(LOOK_MS, async () => {
    if (view.paused) return;
    try {
      snapshot = await lookAt(connection, rates);
      view = { ...view, note: "" };
    } catch (error) {
      if (!isWindlassError(error) || !ERRORS[error.code].retry) left.reject(error);
      view = { ...view, note: messageOf(error) };
    }
    if (input.isListening()) paint();
  });
  let code: number;
  try {
    paint();
    code = await left.promise;
  } finally {
    stop();
    input.stop();
    interrupted.takeBack();
  }
  if (code === INTERRUPTED) call.terminal.err(`Come back with: ${comeBack(call.typed)}\n`);
  return code;
}

/** One after the other, with a rest between; keeps the process alive until it is stopped. */
function repeatedly(restMs: number, work: () => Promise<void>): () => void {
  const letGo = keepAlive();
  let cancel = (): void => {};
  let isStopped = false;
  const next = (): void => {
    void work().finally(() => {
      if (!isStopped) cancel = systemClock.after(restMs, next);
    });
  };
  cancel = systemClock.after(restMs, next);
  return () => {
    isStopped = true;
    cancel();
    letGo();
  };
}

async function lookAt({ client, url }: Connection, rates: Rates): Promise<Snapshot> {
  const [system, queues, running, workers] = await Promise.all([
    client.system.info(),
    allPages(client.queues.list),
    client.jobs.list({ state: ["running", "stopping"], order: "oldest", limit: RUNNING_MAX }),
    allPages(client.workers.list).catch(nullWhenForbidden),
  ]);
  const at = systemClock.now();
  return {
    url,
    at,
    system,
    queues: queues.items,
    workers: workers?.items ?? null,
    running: running.items.toSorted((a, b) => (a.startedAt ?? "").localeCompare(b.startedAt ?? "", "en")),
    rates: { started: rates.rate("started", at), finished: rates.rate("finished", at), failed: rates.rate("failed", at) },
  };
}

function nullWhenForbidden(error: unknown): null {
  if (hasCode(error, "forbidden")) return null;
  throw error;
}

/** Who may not see events sees no rates. */
function countRates({ client }: Connection, signal: AbortSignal): Rates {
  const rates = ratesSince(systemClock.now());
  const count = async (): Promise<void> => {
    for await (const item of client.events.watch({ type: ["job.started", "job.finished"] }, { signal })) {
      if (item.type !== "event") continue;
      const at = systemClock.now();
      rates.count(item.event.type === "job.started" ? "started" : "finished", at);
      if (item.event.type === "job.finished" && isFailure(item.event.data)) rates.count("failed", at);
    }
  };
  count().catch(() => {});
  return rates;
}

function isFailure(data: unknown): boolean {
  const outcome = typeof data === "object" && data !== null && "outcome" in data ? String(data.outcome) : "";
  return outcome.startsWith("failed") || outcome === "expired";
}

function objectOf({ url, at, system, queues, workers, running, rates }: Snapshot): object {
  return { at: new Date(at).toISOString(), url, system, rates, queues, workers, running };
}
