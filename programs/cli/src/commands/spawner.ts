/**
 * `windlass spawner`: takes notices from a queue, and makes Jobs on a cluster and the runners of isolated executions, beside the
 * servers. It answers no requests, fires no schedule, and carries out no other job (engine, role `spawner`). Several may stand beside
 * servers on one PostgreSQL; a store in a data folder has one owner.
 */
import { environmentVariableOf, WindlassError } from "@windlass/kernel";
import { prepareDataFolder } from "../compose/data-folder.ts";
import { openWindlass } from "../compose/open-windlass.ts";
import { takeOwnerLock } from "../compose/owner-lock.ts";
import { settingsFrom } from "../compose/settings.ts";
import { dataFolderOf } from "../connection/connect.ts";
import { endInTime } from "../machine/end-in-time.ts";
import { interruption } from "../machine/interruption.ts";
import { programLog } from "../machine/program-log.ts";
import { systemRandom } from "../machine/system-random.ts";
import type { Call } from "../tree/call.ts";

export interface SpawnerCommandOptions {
  readonly store?: string;
}

export async function runSpawner(call: Call<SpawnerCommandOptions>): Promise<void> {
  const { options, environment, terminal } = call;
  const settings = settingsFrom(environment, options.store === undefined ? {} : { "store.url": options.store });
  if (settings["notices.url"] === "")
    throw new WindlassError(
      "usage",
      `there is no queue to take notices from: ${environmentVariableOf("notices.url")} is to be nats://HOST:4222 or the address of a queue of SQS. On one database none is needed: windlass server starts what is stored`,
    );
  if (settings["runner.url"] === "")
    throw new WindlassError(
      "usage",
      `a spawner answers no requests, so the runners that it starts must be told who does: ${environmentVariableOf("runner.url")} is to be the address of a server, such as http://windlass:4180`,
    );
  const interrupted = interruption(call);
  const cancelLimit = endInTime(interrupted, { drainMs: settings["drain.seconds"] * 1000, say: (text) => terminal.err(text) });
  const { path: folder } = prepareDataFolder(dataFolderOf(options, environment), systemRandom);
  const lock = takeOwnerLock(folder);
  if (lock === null)
    throw new WindlassError(
      "data_folder_in_use",
      `the data folder ${folder} belongs to a server or spawner that runs; give this one a folder of its own with --data, and the same PostgreSQL with --store`,
    );
  try {
    const logger = programLog("stderr", environment["WINDLASS_LOG"] ?? "info");
    const opened = await openWindlass({ folder, settings, environment, logger, address: null, role: "spawner" });
    try {
      await opened.engine.start();
    } catch (error) {
      await opened.close();
      throw error;
    }
    if (call.format === "json") terminal.out(`${JSON.stringify({ pid: process.pid, data: folder, store: opened.storeName })}\n`);
    else terminal.out(`Takes notices, and makes runners and Jobs.\n  data   ${folder} (${opened.storeName})\nEnd it with Ctrl-C.\n`);
    await interrupted.stay();
    terminal.err("Stopping: nothing new is taken; what runs goes on, and is taken over by the next one.\n");
    await opened.engine.stop();
    await opened.close();
  } finally {
    cancelLimit();
    lock.release();
  }
}
