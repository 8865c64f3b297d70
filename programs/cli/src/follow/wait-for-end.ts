/** Waits for a job as a command was asked to, prints how it ended, and gives the exit code. */
import type { JobJson } from "@windlass/contract";
import { messageOf } from "@windlass/kernel";
import type { Client } from "@windlass/sdk";
import { INTERRUPTED } from "../machine/interruption.ts";
import { now } from "../output/api-object.ts";
import { endOf } from "../output/job-lines.ts";
import { isForPeople, present } from "../output/present.ts";
import type { Call } from "../tree/call.ts";
import { followJob } from "./follow-job.ts";

export const FAILED = 1;

export interface Waiting {
  readonly client: Client;
  readonly job: Pick<JobJson, "id" | "name">;
  /** Lines for all that happens, and what is printed. */
  readonly watch: boolean;
  readonly logs?: boolean;
  /** This process carries the job out: to stop waiting is to cancel it. */
  readonly local?: boolean;
  /** Ends the waiting when whoever carries the job out is gone; `LOST` is answered. */
  readonly lost?: AbortSignal;
}

/** No exit code: the job goes on elsewhere. */
export const LOST = -1;

/** 0 only when the job succeeded. */
export async function waitForEnd(call: Call, { client, job, watch, logs = true, local = false, lost }: Waiting): Promise<number> {
  const interrupted = new AbortController();
  let cancelled = false;
  const takeBack = call.onInterrupt(() => {
    if (!local) return interrupted.abort();
    cancelled = true;
    call.terminal.err(
      `\nCancelling ${job.name}; once more leaves at once, and what runs is taken over by the next process in this data folder.\n`,
    );
    client.jobs
      .cancel({ id: job.id, message: "interrupted at the terminal" })
      .catch((error: unknown) => call.terminal.err(`It could not be cancelled: ${messageOf(error)}\n`));
  });
  const forPeople = isForPeople(call.format);
  const show = !forPeople ? "none" : watch ? "all" : "live";
  const ended = await followJob({
    client,
    id: job.id,
    terminal: call.terminal,
    show,
    logs,
    signal: lost === undefined ? interrupted.signal : AbortSignal.any([interrupted.signal, lost]),
  });
  takeBack();
  if (ended === null && !interrupted.signal.aborted) return LOST;
  if (ended === null) {
    call.terminal.err(
      `\nNo longer waiting: ${job.name} (${job.id}) goes on.\n  follow it   windlass jobs watch ${job.id}\n  cancel it   windlass cancel ${job.id}\n`,
    );
    return INTERRUPTED;
  }
  await present(call, ended, () => endOf(ended, call.terminal.style, now()));
  return cancelled ? INTERRUPTED : ended.state === "succeeded" ? 0 : FAILED;
}
