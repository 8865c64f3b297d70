/**
 * The program of the reader thread: lists and other reads that may take a while, each its own short read transaction. What
 * they have seen is on the disk before it is told (D2 of flushing.ts).
 */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "@windlass/kernel";
import { Database } from "./database.ts";
import { Commits } from "./flushing.ts";
import { run } from "./operations.ts";
import { packReply, unpackValues } from "./packed.ts";
import { toErrorText, type FromThread, type SentCall, type ThreadData, type ToThread } from "./thread-message.ts";

const port = parentPort;
assert(port !== null, "the reader is a thread");
const say = (message: FromThread): void => port.postMessage(message);

function serve(db: Database, commits: Commits, message: ToThread): void {
  if (message.type === "calls") {
    for (const call of message.calls) answer(db, commits, call);
  } else if (message.type === "close") {
    db.close();
    port?.close();
  }
}

function answer(db: Database, commits: Commits, { id, name, values }: SentCall): void {
  try {
    const value = db.atOnce(() => run(db, name, unpackValues(name, values)));
    commits.waitForDisk();
    say({ type: "replies", replies: [packReply({ id, value })] });
  } catch (error) {
    say({ type: "replies", replies: [{ id, error: toErrorText(error) }] });
  }
}

try {
  const { path, commits: shared } = workerData as ThreadData;
  const db = new Database(path, { readOnly: true });
  const commits = new Commits(shared);
  port.on("message", (message: ToThread) => serve(db, commits, message));
  say({ type: "ready" });
} catch (error) {
  say({ type: "refused", error: toErrorText(error) });
}
