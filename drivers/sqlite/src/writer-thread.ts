/**
 * The program of the writer thread: all writes, in the order in which they came, as few transactions as possible.
 *
 * W1. A reply is sent when the disk has what it tells of (S1; flushing.ts). What waits in the port meanwhile shares the
 *     next transaction.
 * W2. When a shared transaction fails, each of its calls is run again in one of its own, so that no call fails by another's fault.
 * W3. No beat is sent while the event loop stands still: its sessions run out, and what they hold may be taken over.
 */
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from "node:worker_threads";
import { assert } from "@windlass/kernel";
import { Database } from "./database.ts";
import { Commits, Flushing, openLog } from "./flushing.ts";
import { changesOf, groupWrites, type Call } from "./group-writes.ts";
import { isWrite, run } from "./operations.ts";
import { runInTurn } from "./shared-commit.ts";
import { toErrorText, type FromThread, type Reply, type ThreadData, type ToThread } from "./thread-message.ts";
import { ThreadBeats } from "./thread-beats.ts";

const port = parentPort;
assert(port !== null, "the writer is a thread");

interface Parts {
  readonly db: Database;
  readonly beats: ThreadBeats;
  readonly commits: Commits;
  readonly flushing: Flushing<Reply>;
}

/** Handles one message and all that wait behind it. */
function serve(to: MessagePort, parts: Parts, first: ToThread): void {
  const { db, beats, flushing } = parts;
  const calls: Call[] = [];
  let closing = false;
  for (
    let message: ToThread | undefined = first;
    message !== undefined;
    message = receiveMessageOnPort(to)?.message as ToThread | undefined
  ) {
    if (message.type === "call") calls.push(message);
    else if (message.type === "keep") beats.keep(message);
    else if (message.type === "unkeep") beats.unkeep(message.session);
    else closing = true;
  }
  beats.catchUp();
  const writes = calls.filter((call) => isWrite(call.name));
  const alone = writes.length === 1 && changesOf(writes[0] as Call) === 1;
  for (const group of groupWrites(writes)) flushing.committed(writeTogether(parts, group), alone);
  answer(
    to,
    calls.filter((call) => !isWrite(call.name)).map((call) => attempt(call, () => run(db, call.name, call.values))),
  );
  if (!closing) return;
  beats.stop();
  flushing.close(() => {
    db.close();
    to.close();
  });
}

function writeTogether({ db, commits }: Parts, group: readonly Call[]): Reply[] {
  const transaction = <T>(work: () => T): T => {
    const value = db.transaction(work);
    commits.made();
    return value;
  };
  if (group.length > 1) {
    try {
      return transaction(() => runInTurn(db, group));
    } catch {
      // Which of them it was is found out by running each alone (W2).
    }
  }
  return group.map((call) => attempt(call, () => transaction(() => run(db, call.name, call.values))));
}

function attempt(call: Call, work: () => unknown): Reply {
  try {
    return { id: call.id, value: work() };
  } catch (error) {
    return { id: call.id, error: toErrorText(error) };
  }
}

function answer(to: MessagePort, replies: readonly Reply[]): void {
  if (replies.length > 0) say(to, { type: "replies", replies });
}

function say(to: MessagePort, message: FromThread): void {
  to.postMessage(message);
}

try {
  const { path, moved, commits: shared } = workerData as ThreadData;
  const db = new Database(path);
  db.migrate();
  db.leaveFlushing();
  const commits = new Commits(shared);
  const flushing = new Flushing<Reply>({
    log: openLog(path),
    commits,
    answer: (replies) => answer(port, replies),
    fail: (error) => {
      throw error;
    },
  });
  const beats = new ThreadBeats(db, { moved: new Int32Array(moved), onLost: (session) => say(port, { type: "lost", session }) });
  port.on("message", (message: ToThread) => serve(port, { db, beats, commits, flushing }, message));
  say(port, { type: "ready" });
} catch (error) {
  say(port, { type: "refused", error: toErrorText(error) });
}
