/**
 * `windlass backup`: by this process where the data folder is, also while a server works with it. By the server where it is
 * elsewhere, or where only the server knows its database; it writes below its own folder for back-ups, and nowhere else.
 */
import { basename, resolve } from "node:path";
import type { BackupJson, BackupStep } from "@windlass/contract";
import { formatBytes, WindlassError } from "@windlass/kernel";
import type { Client } from "@windlass/sdk";
import { backUp } from "../backup/back-up.ts";
import { moveFolder } from "../backup/move-folder.ts";
import { verifyBackup } from "../backup/restore.ts";
import { readDataFolder } from "../compose/data-folder.ts";
import { takeOwnerLock } from "../compose/owner-lock.ts";
import { settingsFrom } from "../compose/settings.ts";
import { connect, dataFolderOf } from "../connection/connect.ts";
import { inContext } from "../connection/contexts.ts";
import { systemClock } from "../machine/system-clock.ts";
import { fields } from "../output/api-object.ts";
import { count } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import { argumentOf, type Call } from "../tree/call.ts";
import { stepLine } from "../backup/step-line.ts";

export interface BackupOptions {
  readonly store?: string;
  readonly verify?: boolean;
}

export async function backup(call: Call<BackupOptions>): Promise<void> {
  const line = stepLine(call.terminal);
  try {
    const { made, place } = call.options.verify === true ? await verified(call, line.show) : await take(call, line.show);
    line.clear();
    const found = call.options.verify === true ? "every file is there, and as its checksum says" : "";
    await present(call, made, () => told(call, { place, made }, found));
  } finally {
    line.clear();
  }
}

interface Taken {
  readonly made: BackupJson;
  /** Where it is, on the disk of who made it. */
  readonly place: string;
}

async function verified(call: Call<BackupOptions>, onStep: (step: BackupStep) => void): Promise<Taken> {
  const place = resolve(argumentOf(call, 0));
  return { made: await verifyBackup(place, onStep), place };
}

async function take(call: Call<BackupOptions>, onStep: (step: BackupStep) => void): Promise<Taken> {
  const interrupted = new AbortController();
  const takeBack = call.onInterrupt(() => interrupted.abort(new WindlassError("conflict", "interrupted; nothing is left of the back-up")));
  try {
    const { options, environment } = call;
    const asked = argumentOf(call, 0);
    const by = { onStep, signal: interrupted.signal };
    const named = options.server !== undefined || (inContext(options, environment)["WINDLASS_URL"] ?? "") !== "";
    if (named) return await byServer(connect(call).client, { ...by, asked });
    const { path: folder, token } = readDataFolder(dataFolderOf(options, environment));
    if (token === null)
      throw new WindlassError("not_found", `there is no data folder ${folder}; name it with --data, or a server with --server`);
    const given = options.store === undefined ? {} : { "store.url": options.store };
    const storeUrl = settingsFrom(environment, given)["store.url"];
    const target = resolve(asked);
    const lock = takeOwnerLock(folder);
    try {
      // Of the database of a server that works only that server may know the address.
      if (lock === null && storeUrl === "" && (await connect(call).client.system.info()).store !== "sqlite")
        return await broughtHere(await byServer(connect(call).client, { ...by, asked: `${basename(target)}.${process.pid}` }), target);
      const made = await backUp({ folder, storeUrl, environment, target, now: () => systemClock.now(), ...by });
      return { made, place: target };
    } finally {
      lock?.release();
    }
  } finally {
    takeBack();
  }
}

async function broughtHere({ made, place }: Taken, target: string): Promise<Taken> {
  moveFolder(place, target);
  return { made, place: target };
}

interface ByServer {
  readonly asked: string;
  readonly onStep: (step: BackupStep) => void;
  readonly signal: AbortSignal;
}

async function byServer(client: Client, { asked, onStep, signal }: ByServer): Promise<Taken> {
  for await (const item of client.backups.create({ folder: asked }, { signal })) {
    if (item.type === "end") return { made: item.backup, place: item.folder };
    if (item.type === "failed") throw new WindlassError(item.problem.code, item.problem.detail);
    onStep(item.step);
  }
  signal.throwIfAborted();
  throw new WindlassError("unavailable", "the server ended before the back-up was done; nothing is left of it");
}

function told(call: Call, { place, made }: Taken, found: string): string {
  return fields(call, [
    ["back-up", place],
    ["taken", `${made.createdAt} by Windlass ${made.windlass}`],
    ["store", `${made.store}, schema ${made.schema}, ${count(made.rows["jobs"] ?? 0, "job")}`],
    ["under way", made.underWay === 0 ? "nothing" : `${count(made.underWay, "attempt")}; a restore ends what was under way as lost`],
    ["files", `${made.files}, ${formatBytes(made.bytes)}`],
    ["verified", found],
  ]);
}
