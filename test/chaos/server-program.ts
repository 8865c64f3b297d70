/**
 * The server of the SQLite rounds: all of Windlass on one data folder, with the handlers in the same process, for SQLite
 * has one owner. Put together from the parts of `windlass server` and of embedded use.
 *
 *   node test/chaos/server-program.ts <data folder> <effects file>
 */
import { createApp, listen } from "@windlass/server";
import { openEmbedded } from "@windlass/windlass";
import { readDataFolder, removeAddress, writeAddress } from "../../programs/cli/src/compose/data-folder.ts";
import { endInTime } from "../../programs/cli/src/machine/end-in-time.ts";
import { settingsFrom } from "../../programs/cli/src/compose/settings.ts";
import { workflowLanguage } from "../../programs/cli/src/compose/workflow-language.ts";
import { programLog } from "../../programs/cli/src/machine/program-log.ts";
import { systemClock } from "../../programs/cli/src/machine/system-clock.ts";
import { chaosHandlers, HANDLERS_AT_ONCE } from "./handlers.ts";

const [folder = "", effectsFile = ""] = process.argv.slice(2);
const settings = settingsFrom(process.env);
const embedded = await openEmbedded({ dataFolder: folder, settings, logger: programLog("stderr", "info") });
const drainMs = settings["drain.seconds"] * 1000;
const app = createApp({
  engine: embedded.engine,
  workflows: workflowLanguage(settings),
  adminToken: readDataFolder(folder).token ?? "",
  version: "chaos",
  store: "sqlite",
  executors: ["process"],
  bodyBytesMax: settings["server.bodyBytesMax"],
});
const listening = await listen(app, { host: "127.0.0.1", port: settings["server.port"], clock: systemClock, drainMs });
await embedded.worker({ handlers: chaosHandlers(effectsFile), concurrency: HANDLERS_AT_ONCE, drainMs });
writeAddress(folder, { url: listening.url, pid: process.pid, role: "server" });
process.stdout.write("ready\n");
process.once("SIGTERM", () => {
  endInTime({ signal: AbortSignal.abort() }, { drainMs, say: (text) => void process.stderr.write(text) });
  void (async () => {
    removeAddress(folder);
    await listening.close();
    await embedded.close();
    process.exit(0);
  })();
});
