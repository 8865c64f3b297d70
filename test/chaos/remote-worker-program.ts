/**
 * The worker elsewhere: handlers in a process that has no store, over one connection to the first server, wherever that
 * answers now: a server that was killed is back under another port, and this one goes on there with what it has.
 *
 *   node test/chaos/remote-worker-program.ts <data folder of the server> <effects file>
 */
import { setTimeout as rest } from "node:timers/promises";
import { worker } from "@windlass/sdk";
import { readDataFolder } from "../../programs/cli/src/compose/data-folder.ts";
import { chaosHandlers, HANDLERS_AT_ONCE, SESSION_TTL_MS } from "./handlers.ts";

const LOOK_MS = 250;
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
  sessionTtlMs: SESSION_TTL_MS,
  drainMs: DRAIN_MS,
  onNotice: ({ level, message, jobId }) =>
    void process.stderr.write(`${new Date().toISOString()} ${level} ${jobId === undefined ? "" : `${jobId}: `}${message}\n`),
});
process.stdout.write("ready\n");
for (; !ending; await rest(LOOK_MS)) {
  // Refused: somebody else has got the port of a server that was killed. The next address is tried.
  if (one.state === "stopped") void one.start().catch(() => {});
}
await one.stop();
process.exit(0);
