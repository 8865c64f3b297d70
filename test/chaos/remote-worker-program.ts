/**
 * The worker elsewhere: handlers in a process that has no store, over one connection to the first server, wherever that
 * answers now: a server that was killed is back under another port, and this one goes on there with what it has.
 *
 *   node test/chaos/remote-worker-program.ts <data folder of the server> <effects file>
 */
import { setTimeout as rest } from "node:timers/promises";
import { worker } from "@windlass/sdk";
import { readDataFolder } from "../../programs/cli/src/compose/data-folder.ts";
import { chaosHandlers } from "./handlers.ts";

const HANDLERS_AT_ONCE = 8;
const LOOK_MS = 250;
const TTL_MS = 3_000;
const DRAIN_MS = 2_000;

const [door = "", effectsFile = ""] = process.argv.slice(2);
let ending = false;
process.once("SIGTERM", () => {
  ending = true;
});
const one = worker({
  url() {
    const { server, token } = readDataFolder(door);
    if (server === null) throw new Error("there is no server yet");
    return { url: server.url, token: token ?? "" };
  },
  handlers: chaosHandlers(effectsFile),
  concurrency: HANDLERS_AT_ONCE,
  sessionTtlMs: TTL_MS,
  drainMs: DRAIN_MS,
});
process.stdout.write("ready\n");
for (; !ending; await rest(LOOK_MS)) {
  // Refused: somebody else has got the port of a server that was killed. The next address is tried.
  if (one.state === "stopped") void one.start().catch(() => {});
}
await one.stop();
process.exit(0);
