/** How somebody is struck: a program that is kept running, processes that it has none of; and what programs of a round are given. */
import { setTimeout as rest } from "node:timers/promises";
import { environmentVariableOf, type SettingName } from "@windlass/kernel";
import { STOP_PATIENCE_MS, type KeptProgram } from "./kept-program.ts";
import { signal, supervisorOf } from "./running-processes.ts";
import type { Strike } from "./strikes.ts";
import { until } from "./until.ts";

type Blow = Pick<Strike<string>, "action" | "forMs">;

export async function strikeProgram(program: KeptProgram, { action, forMs }: Blow): Promise<boolean> {
  if (program.pid === null) return false;
  if (action === "kill") await program.kill();
  else program.freeze();
  await rest(forMs);
  if (action === "kill") program.start();
  else program.thaw();
  return true;
}

export async function strikeProcesses(pids: readonly number[], { action, forMs }: Blow): Promise<boolean> {
  const hit = pids.filter((pid) => signal(pid, action === "kill" ? "SIGKILL" : "SIGSTOP"));
  if (action === "freeze") {
    await rest(forMs);
    for (const pid of hit) signal(pid, "SIGCONT");
  }
  return hit.length > 0;
}

/** It leaves when it is asked to and has nothing to hold; what does not is killed. */
export async function endSupervisor(door: string): Promise<void> {
  const pid = supervisorOf(door);
  if (pid === null) return;
  signal(pid, "SIGCONT");
  signal(pid, "SIGTERM");
  await until(() => supervisorOf(door) === null, STOP_PATIENCE_MS).catch(() => signal(pid, "SIGKILL"));
}

/** Nothing of this process but what programs need to run at all. */
export function environmentWith(settings: Partial<Record<SettingName, string>>, cacheFolder: string): Record<string, string | undefined> {
  return {
    ...Object.fromEntries(["PATH", "HOME", "LANG", "TMPDIR", "USER"].map((variable) => [variable, process.env[variable]])),
    ...Object.fromEntries(Object.entries(settings).map(([setting, value]) => [environmentVariableOf(setting as SettingName), value])),
    NODE_COMPILE_CACHE: cacheFolder,
  };
}
