/**
 * The program of the writer thread. What it does with what it is sent, and its promises: serving.ts.
 *
 * W4. Having answered, it waits a moment for what the answer brings about (next-send.ts), and only then goes back to its event loop: the way
 *     through that takes as long as a small call. Timers, and the end of a flush, come late by no more than that, or by a turn
 *     and a transaction where much comes (W5); while a flush is under way it waits for nothing.
 */
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from "node:worker_threads";
import { assert } from "@windlass/kernel";
import { Database } from "./database.ts";
import { Commits, Flushing } from "./flushing.ts";
import { IdleGrowth } from "./idle-growth.ts";
import { LogFile } from "./log-file.ts";
import { NextSend } from "./next-send.ts";
import { Serving } from "./serving.ts";
import { ThreadBeats } from "./thread-beats.ts";
import { toErrorText, type FromThread, type Reply, type ThreadData, type ToThread } from "./thread-message.ts";
import { TimelyIntake } from "./timely-intake.ts";

const port = parentPort;
assert(port !== null, "the writer is a thread");

/** How long what follows an answer is waited for: it comes after two hops between threads and what its caller does. */
const FOLLOW_MS = 0.5;
/** Then the event loop has its turn, however much comes. */
const TURN_MS_MAX = 20;

try {
  const { path, moved, commits: shared, sent } = workerData as ThreadData;
  const db = new Database(path);
  db.migrate();
  db.leaveFlushing();
  const monotonic = (): number => performance.now();
  const commits = new Commits(shared);
  const sends = new Int32Array(sent);
  const fail = (error: Error): void => {
    throw error;
  };
  /** How often something had been sent when nothing came for a moment. */
  let idleSince = -1;
  const isIdle = (): boolean => Atomics.load(sends, 0) === idleSince;
  const log = new LogFile(path);
  const flushing = new Flushing<Reply>({
    log,
    commits,
    answer: (replies, upTo) => {
      if (replies.length > 0) say(port, { type: "replies", replies, upTo });
    },
    monotonic,
    fail,
  });
  const growth = new IdleGrowth({ db, log, zeros: new LogFile(path), isIdle, fail });
  const serving = new Serving({
    db,
    commits,
    flushing,
    log,
    beats: new ThreadBeats(db, { moved: new Int32Array(moved), monotonic, onLost: (session) => say(port, { type: "lost", session }) }),
    intake: new TimelyIntake(db, { commits, monotonic, flush: () => flushing.committed([], 0) }),
    next: () => receiveMessageOnPort(port)?.message as ToThread | undefined,
    monotonic,
    closed: () => {
      growth.close();
      port.close();
    },
  });
  const onIdle = (seen: number): void => {
    idleSince = seen;
    growth.soon();
  };
  listen(port, { serving, flushing, sends, onIdle });
  say(port, { type: "ready" });
} catch (error) {
  say(port, { type: "refused", error: toErrorText(error) });
}

interface Listening {
  readonly serving: Serving;
  readonly flushing: Flushing<Reply>;
  readonly sends: Int32Array;
  /** Nothing has come for a moment, after what was the last. */
  readonly onIdle: (seen: number) => void;
}

/** A port hands on all that has come before timers have their turn: when the time is up the rest waits for the next one (W5). */
function listen(from: MessagePort, { serving, flushing, sends, onIdle }: Listening): void {
  let isTurnOver = false;
  const monotonic = (): number => performance.now();
  const nextSend = new NextSend({ sends, monotonic, sleep: (seen, ms) => void Atomics.wait(sends, 0, seen, ms) });
  /** See W4. */
  const follow = (until: number): void => {
    while (!flushing.busy && !serving.waits && performance.now() < until) {
      const seen = Atomics.load(sends, 0);
      const next = receiveMessageOnPort(from);
      if (next === undefined) {
        if (!nextSend.comes(seen, FOLLOW_MS)) return onIdle(seen);
        continue;
      }
      serving.take(next.message as ToThread);
      if (!serving.serve(until)) return;
    }
  };
  const turn = (): void => {
    const until = performance.now() + TURN_MS_MAX;
    if (serving.serve(until)) follow(until);
    isTurnOver = serving.waits || performance.now() >= until;
    if (isTurnOver)
      setImmediate(() => {
        isTurnOver = false;
        if (serving.waits) turn();
      });
  };
  from.on("message", (message: ToThread) => {
    serving.take(message);
    if (!isTurnOver) turn();
  });
}

function say(to: MessagePort, message: FromThread): void {
  to.postMessage(message);
}
