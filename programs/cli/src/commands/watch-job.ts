/** `windlass jobs watch` */
import { connect } from "../connection/connect.ts";
import { findJob } from "../connection/find-job.ts";
import { waitForEnd } from "../follow/wait-for-end.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export async function watchJob(call: Call<{ readonly logs: boolean }>): Promise<number> {
  const { client } = connect(call);
  const job = await client.jobs.get({ id: await findJob(client, argumentOf(call, 0)) });
  return waitForEnd(call, { client, job, watch: true, logs: call.options.logs });
}
