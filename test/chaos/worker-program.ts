/**
 * The worker of the PostgreSQL rounds: handlers in a process of their own, beside the servers on the same database.
 *
 *   node test/chaos/worker-program.ts <data folder> <effects file>
 */
import { openEmbedded } from "@windlass/windlass";
import { endInTime } from "../../programs/cli/src/machine/end-in-time.ts";
import { settingsFrom } from "../../programs/cli/src/compose/settings.ts";
import { programLog } from "../../programs/cli/src/machine/program-log.ts";
import { chaosHandlers, HANDLERS_AT_ONCE } from "./handlers.ts";

const [folder = "", effectsFile = ""] = process.argv.slice(2);
// Its engine has a launcher too; processes are left to the servers.
const settings = settingsFrom(process.env, { "process.runningMax": 0 });
const drainMs = settings["drain.seconds"] * 1000;
const embedded = await openEmbedded({ dataFolder: folder, settings, logger: programLog("stderr", "info") });
await embedded.worker({ handlers: chaosHandlers(effectsFile), concurrency: HANDLERS_AT_ONCE, drainMs });
// The timers of the engine do not keep a program alive.
const stay = setInterval(() => {}, 60_000);
process.stdout.write("ready\n");
process.once("SIGTERM", () => {
  clearInterval(stay);
  endInTime({ signal: AbortSignal.abort() }, { drainMs, say: (text) => void process.stderr.write(text) });
  void embedded.close().then(() => process.exit(0));
});
