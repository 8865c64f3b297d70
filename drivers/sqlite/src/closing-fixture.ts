/** A program with nothing else alive that closes its store while it is still being asked: prints whether that came to its end. */
import { writeSync } from "node:fs";
import type { Clock } from "@windlass/ports";
import { openSqliteStore } from "./sqlite-store.ts";

const [path = ""] = process.argv.slice(2);
const clock: Clock = { now: () => 0, monotonic: () => 0, after: () => () => {} };
const store = await openSqliteStore({ path, clock });
// Answered after the threads were told to end.
const lists = Array.from({ length: 200 }, () => store.reads.list({ workspace: "default", limit: 10 }));
const pings = Array.from({ length: 200 }, () => store.ping());
await Promise.all([store.close(), store.close().catch(() => {})]);
await Promise.all([...lists, ...pings]);
writeSync(1, "closed");
