/**
 * The program of the writer thread: all writes, in the order in which they came, as few transactions as possible.
 *
 * W1. A reply is sent when the disk has what it tells of (S1; flushing.ts). What comes meanwhile shares the transaction, or
 *     the next one.
 * W2. When a shared transaction fails, each of its calls is run again in one of its own, so that no call fails by another's fault.
 * W3. No beat is sent while the event loop stands still: its sessions run out, and what they hold may be taken over.
 * W4. Having answered, it waits a moment for what the answer brings about, and only then goes back to its event loop: the way
 *     through that takes as long as a small call. Timers come late by no more than that; a flush that is under way is not kept waiting.
 */
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from "node:worker_threads";
import { assert } from "@windlass/kernel";
import { Database } from "./database.ts";
import { Commits, Flushing } from "./flushing.ts";
import { CHANGES_MAX, changesOf, takeGroup, type Call } from "./group-writes.ts";
import { LogFile } from "./log-file.ts";
import { isWrite, run } from "./operations.ts";
import { packReply, unpackValues } from "./packed.ts";
import { lookAt, runInTurn } from "./shared-commit.ts";
import { toErrorText, type FromThread, type Reply, type ThreadData, type ToThread } from "./thread-message.ts";
import { ThreadBeats } from "./thread-beats.ts";
import { TimelyIntake } from "./timely-intake.ts";

const port = parentPort;
assert(port !== null, "the writer is a thread");

/** How long what follows an answer is waited for: it comes after two hops between threads and what its caller does. */
const FOLLOW_MS = 0.5;
/** Changes that take longer than most flushes. */
const MUCH_CHANGES = 100;
/** Then the event loop has its turn, however much comes. */
const FOLLOW_MS_MAX = 20;

interface Parts {
  readonly db: Database;
  readonly beats: ThreadBeats;
  readonly commits: Commits;
  readonly flushing: Flushing<Reply>;
  readonly log: LogFile;
  readonly intake: TimelyIntake;
}

/** What has come and was not carried out yet. */
interface Inbox {
  readonly writes: Call[];
  readonly reads: Call[];
  closing: boolean;
}

/** Handles one message and all that wait behind it; false when nothing is likely to follow at once: nothing was changed, or one was the last. */
function serve(to: MessagePort, parts: Parts, first: ToThread): boolean {
  const { db, beats, flushing, intake } = parts;
  const inbox: Inbox = { writes: [], reads: [], closing: false };
  const before = parts.commits.newest();
  sort(first, { inbox, beats });
  const receive = (): void => {
    for (let one = receiveMessageOnPort(to); one !== undefined; one = receiveMessageOnPort(to))
      sort(one.message as ToThread, { inbox, beats });
  };
  receive();
  beats.catchUp();
  while (inbox.writes.length > 0) {
    const from = performance.now();
    const replies = writeTogether(parts, inbox.writes, receive);
    const workMs = performance.now() - from;
    receive();
    flushing.committed(replies, workMs, isMuch(inbox.writes));
    // What came while the disk was waited for goes together with what came before.
    receive();
  }
  if (inbox.reads.length > 0)
    flushing.committed(
      inbox.reads.map((call) => attempt(call, () => intake.watched(() => lookAt(db, () => run(db, call.name, call.values))))),
      0,
    );
  intake.rest();
  if (!inbox.closing) return parts.commits.newest() !== before;
  beats.stop();
  flushing.close(() => {
    intake.close();
    db.close();
    to.close();
  });
  return false;
}

/** So much that the disk is not waited for before (D4 of flushing.ts); of less, more comes together while it is. */
function isMuch(waiting: readonly Call[]): boolean {
  return waiting.reduce((total, call) => total + changesOf(call), 0) >= MUCH_CHANGES;
}

/** See W4. */
function serveWhatFollows(from: MessagePort, parts: Parts, sends: Int32Array): void {
  const until = performance.now() + FOLLOW_MS_MAX;
  while (!parts.flushing.busy && performance.now() < until) {
    const seen = Atomics.load(sends, 0);
    const next = receiveMessageOnPort(from);
    if (next === undefined ? Atomics.wait(sends, 0, seen, FOLLOW_MS) === "timed-out" : !serve(from, parts, next.message as ToThread))
      return;
  }
}

function sort(message: ToThread, { inbox, beats }: { readonly inbox: Inbox; readonly beats: ThreadBeats }): void {
  if (message.type === "calls")
    for (const { id, name, values } of message.calls)
      (isWrite(name) ? inbox.writes : inbox.reads).push({ id, name, values: unpackValues(name, values) });
  else if (message.type === "keep") beats.keep(message);
  else if (message.type === "unkeep") beats.unkeep(message.session);
  else inbox.closing = true;
}

/** Carries out what waits, and what comes while that is done (W1): a claim that was asked for right after a submit finds its job. */
function writeTogether(parts: Parts, waiting: Call[], receive: () => void): readonly Reply[] {
  const calls: Call[] = [];
  return carriedOut(parts, { waiting, calls, receive }).map((reply, i) => packReply(reply, calls[i]?.values));
}

interface Carrying {
  readonly waiting: Call[];
  /** Those that were taken from `waiting`, in the order of their replies. */
  readonly calls: Call[];
  readonly receive: () => void;
}

function carriedOut({ db, commits, intake, log }: Parts, { waiting, calls, receive }: Carrying): readonly Reply[] {
  const transaction = <T>(work: () => T): T => {
    const before = db.changes;
    return intake.watched(() =>
      db.transaction(() => {
        const value = work();
        if (db.changes > before) {
          // Before the COMMIT: a reader that sees it at once is to know of it (D2 of flushing.ts).
          commits.made();
          log.growAhead();
        }
        return value;
      }),
    );
  };
  try {
    return transaction(() => {
      const done: Reply[] = [];
      for (let room = CHANGES_MAX; ; receive()) {
        const group = takeGroup(waiting, room);
        if (group.length === 0) return done;
        calls.push(...group);
        room -= group.reduce((total, call) => total + changesOf(call), 0);
        done.push(...runInTurn(db, group, "where it pays"));
      }
    });
  } catch (error) {
    // It could not even begin: another process writes. Who wants to look is told; changes wait until they can be made.
    if (calls.length === 0) return takeLooks(waiting).map(({ id }) => ({ id, error: toErrorText(error) }));
    const [only] = calls;
    if (only !== undefined && calls.length === 1) return [{ id: only.id, error: toErrorText(error) }];
    // Which of them it was is found out by running each alone (W2).
    return calls.map((call) => attempt(call, () => transaction(() => runInTurn(db, [call], "where it pays")[0]?.value)));
  }
}

/** Takes those out that ask for no change. */
function takeLooks(waiting: Call[]): readonly Call[] {
  const isLook = ({ name }: Call): boolean => name === "putTaken";
  const looks = waiting.filter(isLook);
  waiting.splice(0, waiting.length, ...waiting.filter((call) => !isLook(call)));
  return looks;
}

function attempt(call: Call, work: () => unknown): Reply {
  try {
    return { id: call.id, value: work() };
  } catch (error) {
    return { id: call.id, error: toErrorText(error) };
  }
}

function answer(to: MessagePort, replies: readonly Reply[], upTo: number | undefined): void {
  if (replies.length > 0) say(to, { type: "replies", replies, upTo });
}

function say(to: MessagePort, message: FromThread): void {
  to.postMessage(message);
}

try {
  const { path, moved, commits: shared, sent } = workerData as ThreadData;
  const db = new Database(path);
  db.migrate();
  db.leaveFlushing();
  const commits = new Commits(shared);
  const log = new LogFile(path);
  const flushing = new Flushing<Reply>({
    log,
    commits,
    answer: (replies, upTo) => answer(port, replies, upTo),
    monotonic: () => performance.now(),
    fail: (error) => {
      throw error;
    },
  });
  const beats = new ThreadBeats(db, { moved: new Int32Array(moved), onLost: (session) => say(port, { type: "lost", session }) });
  const intake = new TimelyIntake(db, commits);
  const parts = { db, beats, commits, flushing, log, intake };
  const sends = new Int32Array(sent);
  port.on("message", (message: ToThread) => {
    if (serve(port, parts, message)) serveWhatFollows(port, parts, sends);
  });
  say(port, { type: "ready" });
} catch (error) {
  say(port, { type: "refused", error: toErrorText(error) });
}
