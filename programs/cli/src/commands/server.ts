/** `windlass server` */
import { join } from "node:path";
import { messageOf } from "@windlass/kernel";
import { ownFolder } from "../compose/own-folder.ts";
import { settingsFrom } from "../compose/settings.ts";
import { dataFolderOf } from "../connection/connect.ts";
import { programLog } from "../machine/program-log.ts";
import { interruption, type Interruption } from "../machine/interruption.ts";
import { systemClock } from "../machine/system-clock.ts";
import type { Call } from "../tree/call.ts";

export interface ServerOptions {
  readonly port?: number;
  readonly host?: string;
  readonly store?: string;
  readonly dockerHost?: string;
}

/** After the drain: for the store to close. */
const CLOSE_SLACK_MS = 3_000;

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

/**
 * What has not stopped so long after the signal is left, also what has not even started by then: everything is stored, and the next
 * server takes over. Returns how to take the limit back.
 */
export function endInTime(
  { signal }: Pick<Interruption, "signal">,
  { drainMs, say }: { readonly drainMs: number; readonly say: (text: string) => void },
): () => void {
  let cancel = (): void => {};
  const begin = (): void => {
    const limitMs = drainMs + CLOSE_SLACK_MS;
    cancel = systemClock.after(limitMs, () => {
      say(
        `It ends now: not everything had stopped ${limitMs / 1_000} s after it was told to. What is stored is taken over by the next one.\n`,
      );
      process.exit();
    });
  };
  if (signal.aborted) begin();
  else signal.addEventListener("abort", begin, { once: true });
  return () => {
    signal.removeEventListener("abort", begin);
    cancel();
  };
}
