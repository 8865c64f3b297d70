/**
 * The worker elsewhere: handlers in a process that has no store, over one connection to the first server, wherever that
 * answers now. A server that was killed is back under another port, so this one leaves and connects anew.
 *
 *   node test/chaos/remote-worker-program.ts <data folder of the server> <effects file>
 */
import { setTimeout as rest } from "node:timers/promises";
import { worker, type Worker } from "@windlass/sdk";
import { readDataFolder } from "../../programs/cli/src/compose/data-folder.ts";
import { chaosHandlers } from "./handlers.ts";

const HANDLERS_AT_ONCE = 8;
const LOOK_MS = 250;
const TTL_MS = 3_000;
const DRAIN_MS = 2_000;

const [door = "", effectsFile = ""] = process.argv.slice(2);
const handlers = chaosHandlers(effectsFile);
let ending = false;
process.once("SIGTERM", () => {
  ending = true;
});
process.stdout.write("ready\n");
let [one, connectedTo]: [Worker | null, string] = [null, ""];
for (; !ending; await rest(LOOK_MS)) {
  const { server, token } = readDataFolder(door);
  if (server === null || server.url === connectedTo) continue;
  await one?.stop();
  connectedTo = server.url;
  one = worker({ url: server.url, token: token ?? "", handlers, concurrency: HANDLERS_AT_ONCE, sessionTtlMs: TTL_MS, drainMs: DRAIN_MS });
  // Refused: somebody else has got the port of a server that was killed. The next address is tried.
  void one.start().catch(() => {});
}
await one?.stop();
process.exit(0);
