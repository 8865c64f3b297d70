/** `windlass cancel` */
import { connect } from "../connection/connect.ts";
import { findJob } from "../connection/find-job.ts";
import { now } from "../output/api-object.ts";
import { jobLine } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export interface CancelOptions {
  readonly message?: string;
  /** Milliseconds. */
  readonly grace?: number;
  readonly wait?: boolean;
}

export async function cancelJob(call: Call<CancelOptions>): Promise<void> {
  const { client } = connect(call);
  const id = await findJob(client, argumentOf(call, 0));
  const { message, grace, wait } = call.options;
  const asked = await client.jobs.cancel({
    id,
    ...(message === undefined ? {} : { message }),
    ...(grace === undefined ? {} : { graceSeconds: grace / 1000 }),
  });
  const job = wait === true ? await client.wait(id) : asked;
  await present(
    call,
    job,
    () =>
      `${jobLine(job, call.terminal.style, now())}\n${job.finishedAt === null ? `It ends within its grace period. Follow it: windlass jobs watch ${id}\n` : ""}`,
  );
}
