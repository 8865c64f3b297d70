/** The program of the reader thread: lists and other reads that may take a while, each its own short read transaction. */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "@windlass/kernel";
import { Database } from "./database.ts";
import { run } from "./operations.ts";
import { toErrorText, type FromThread, type ThreadData, type ToThread } from "./thread-message.ts";

const port = parentPort;
assert(port !== null, "the reader is a thread");
const say = (message: FromThread): void => port.postMessage(message);

function serve(db: Database, message: ToThread): void {
  if (message.type === "call") {
    try {
      say({ type: "replies", replies: [{ id: message.id, value: run(db, message.name, message.values) }] });
    } catch (error) {
      say({ type: "replies", replies: [{ id: message.id, error: toErrorText(error) }] });
    }
  } else if (message.type === "close") {
    db.close();
    port?.close();
  }
}

try {
  const db = new Database((workerData as ThreadData).path, { readOnly: true });
  port.on("message", (message: ToThread) => serve(db, message));
  say({ type: "ready" });
} catch (error) {
  say({ type: "refused", error: toErrorText(error) });
}
