/** `windlass server` */
import { join } from "node:path";
import { messageOf } from "@windlass/kernel";
import { ownFolder } from "../compose/own-folder.ts";
import { settingsFrom } from "../compose/settings.ts";
import { dataFolderOf } from "../connection/connect.ts";
import { endInTime } from "../machine/end-in-time.ts";
import { programLog } from "../machine/program-log.ts";
import { interruption } from "../machine/interruption.ts";
import type { Call } from "../tree/call.ts";

export interface ServerOptions {
  readonly port?: number;
  readonly host?: string;
  readonly store?: string;
  readonly dockerHost?: string;
}

/** Runs until it is told to end. The program's own log goes to standard error, or to a file when that is a terminal. */
export async function server(call: Call<ServerOptions>): Promise<void> {
  const { options, environment, terminal } = call;
  const settings = settingsFrom(environment, {
    ...(options.port === undefined ? {} : { "server.port": options.port }),
    ...(options.host === undefined ? {} : { "server.host": options.host }),
    ...(options.store === undefined ? {} : { "store.url": options.store }),
    ...(options.dockerHost === undefined ? {} : { "docker.host": options.dockerHost }),
  });
  const interrupted = interruption(call);
  const cancelLimit = endInTime(interrupted, { drainMs: settings["drain.seconds"] * 1000, say: (text) => terminal.err(text) });
  const owner = await ownFolder({
    data: dataFolderOf(options, environment),
    settings,
    environment,
    role: "server",
    logger: (folder) => programLog(terminal.live ? { file: join(folder, "server.log") } : "stderr", environment["WINDLASS_LOG"] ?? "info"),
  });
  if (call.format === "json")
    terminal.out(`${JSON.stringify({ url: owner.url, pid: process.pid, data: owner.folder, store: owner.storeName })}\n`);
  else
    terminal.out(
      `Windlass answers at ${owner.url}\n  data   ${owner.folder} (${owner.storeName})\n  token  ${join(owner.folder, "token")}\n${terminal.live ? `  log    ${join(owner.folder, "server.log")}\nEnd it with Ctrl-C.\n` : ""}`,
    );
  await interrupted.stay();
  terminal.err("Stopping: nothing new is started; what runs goes on and is taken over by the next server on this folder.\n");
  await owner.close().catch((error: unknown) => terminal.err(`It did not stop cleanly: ${messageOf(error)}\n`));
  cancelLimit();
}
