import { once } from "node:events";
import type { ChildProcess } from "node:child_process";

/** Ends a program that a test started; resolves when it is gone. */
export async function endService(service: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (service.exitCode !== null || service.signalCode !== null) return;
  service.kill(signal);
  await once(service, "exit");
}
