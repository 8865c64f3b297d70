/**
 * The program of the writer thread: all writes, in the order in which they came, as few transactions as possible.
 *
 * W1. A reply is sent after the COMMIT that holds its write (S1): what waits in the port meanwhile shares the next one.
 * W2. When a shared transaction fails, each of its calls is run again in one of its own, so that no call fails by another's fault.
 * W3. No beat is sent while the event loop stands still: its sessions run out, and what they hold may be taken over.
 */
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from "node:worker_threads";
import { assert } from "@windlass/kernel";
import { Database } from "./database.ts";
import { groupWrites, type Call } from "./group-writes.ts";
import { isWrite, run } from "./operations.ts";
import { runInTurn } from "./shared-commit.ts";
import { toErrorText, type FromThread, type Reply, type ThreadData, type ToThread } from "./thread-message.ts";
import { ThreadBeats } from "./thread-beats.ts";

const port = parentPort;
assert(port !== null, "the writer is a thread");

/** Handles one message and all that wait behind it. */
function serve(to: MessagePort, parts: { readonly db: Database; readonly beats: ThreadBeats }, first: ToThread): void {
  const calls: Call[] = [];
  let closing = false;
  for (
    let message: ToThread | undefined = first;
    message !== undefined;
    message = receiveMessageOnPort(to)?.message as ToThread | undefined
  ) {
    if (message.type === "call") calls.push(message);
    else if (message.type === "keep") parts.beats.keep(message);
    else if (message.type === "unkeep") parts.beats.unkeep(message.session);
    else closing = true;
  }
  parts.beats.catchUp();
  for (const group of groupWrites(calls.filter((call) => isWrite(call.name)))) answer(to, writeTogether(parts.db, group));
  answer(
    to,
    calls.filter((call) => !isWrite(call.name)).map((call) => attempt(call, () => run(parts.db, call.name, call.values))),
  );
  if (!closing) return;
  parts.beats.stop();
  parts.db.close();
  to.close();
}

function writeTogether(db: Database, group: readonly Call[]): Reply[] {
  if (group.length > 1) {
    try {
      return db.transaction(() => runInTurn(db, group));
    } catch {
      // Which of them it was is found out by running each alone (W2).
    }
  }
  return group.map((call) => attempt(call, () => db.transaction(() => run(db, call.name, call.values))));
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
  const { path, moved } = workerData as ThreadData;
  const db = new Database(path);
  db.migrate();
  const beats = new ThreadBeats(db, { moved: new Int32Array(moved), onLost: (session) => say(port, { type: "lost", session }) });
  port.on("message", (message: ToThread) => serve(port, { db, beats }, message));
  say(port, { type: "ready" });
} catch (error) {
  say(port, { type: "refused", error: toErrorText(error) });
}
