/** `windlass backup`: by the server that owns the data folder, while it works; by this process where there is none. */
import { resolve } from "node:path";
import type { BackupJson, BackupStep } from "@windlass/contract";
import { formatBytes, WindlassError } from "@windlass/kernel";
import type { Client } from "@windlass/sdk";
import { backUp } from "../backup/back-up.ts";
import { verifyBackup } from "../backup/restore.ts";
import { readDataFolder } from "../compose/data-folder.ts";
import { takeOwnerLock } from "../compose/owner-lock.ts";
import { settingsFrom } from "../compose/settings.ts";
import { connect, dataFolderOf } from "../connection/connect.ts";
import { systemClock } from "../machine/system-clock.ts";
import { fields } from "../output/api-object.ts";
import { present } from "../output/present.ts";
import { argumentOf, type Call } from "../tree/call.ts";
import { stepLine } from "../backup/step-line.ts";

export interface BackupOptions {
  readonly store?: string;
  readonly verify?: boolean;
}

export async function backup(call: Call<BackupOptions>): Promise<void> {
  const target = resolve(argumentOf(call, 0));
  const line = stepLine(call.terminal);
  try {
    const made = call.options.verify === true ? await verifyBackup(target, line.show) : await take(call, target, line.show);
    line.clear();
    await present(call, made, () => told(call, target, made));
  } finally {
    line.clear();
  }
}

async function take(call: Call<BackupOptions>, target: string, onStep: (step: BackupStep) => void): Promise<BackupJson> {
  const interrupted = new AbortController();
  const takeBack = call.onInterrupt(() => interrupted.abort(new WindlassError("conflict", "interrupted; nothing is left of the back-up")));
  try {
    const { options, environment } = call;
    const { path: folder, token } = readDataFolder(dataFolderOf(options, environment));
    const named = options.server !== undefined || (environment["WINDLASS_URL"] ?? "") !== "";
    if (!named && token === null)
      throw new WindlassError("not_found", `there is no data folder ${folder}; name it with --data, or a server with --server`);
    const lock = named ? null : takeOwnerLock(folder);
    if (lock === null) return await byServer(connect(call).client, { target, onStep, signal: interrupted.signal });
    try {
      const given = options.store === undefined ? {} : { "store.url": options.store };
      const storeUrl = settingsFrom(environment, given)["store.url"];
      return await backUp({ folder, storeUrl, environment, target, now: () => systemClock.now(), onStep, signal: interrupted.signal });
    } finally {
      lock.release();
    }
  } finally {
    takeBack();
  }
}

interface ByServer {
  readonly target: string;
  readonly onStep: (step: BackupStep) => void;
  readonly signal: AbortSignal;
}

async function byServer(client: Client, { target, onStep, signal }: ByServer): Promise<BackupJson> {
  for await (const item of client.backups.create({ folder: target }, { signal })) {
    if (item.type === "end") return item.backup;
    if (item.type === "failed") throw new WindlassError(item.problem.code, item.problem.detail);
    onStep(item.step);
  }
  signal.throwIfAborted();
  throw new WindlassError("unavailable", "the server ended before the back-up was done; nothing is left of it");
}

function told(call: Call, target: string, made: BackupJson): string {
  return fields(call, [
    ["back-up", target],
    ["taken", `${made.createdAt} by Windlass ${made.windlass}`],
    ["store", `${made.store}, schema ${made.schema}, ${made.rows["jobs"] ?? 0} jobs`],
    ["under way", made.underWay === 0 ? "nothing" : `${made.underWay} attempts; a restore ends them as lost`],
    ["files", `${made.files}, ${formatBytes(made.bytes)}`],
  ]);
}
