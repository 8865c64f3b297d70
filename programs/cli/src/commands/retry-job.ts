/** `windlass jobs retry` */
import { connect } from "../connection/connect.ts";
import { findJob } from "../connection/find-job.ts";
import { waitForEnd } from "../follow/wait-for-end.ts";
import { presentSubmitted } from "../output/submitted.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export async function retryJob(call: Call<{ readonly wait?: boolean; readonly watch?: boolean }>): Promise<number | void> {
  const { client } = connect(call);
  const submitted = await client.jobs.retry({ id: await findJob(client, argumentOf(call, 0)) });
  const { wait, watch } = call.options;
  if (wait === true || watch === true) return waitForEnd(call, { client, job: submitted.job, watch: watch === true });
  return presentSubmitted(call, submitted);
}
