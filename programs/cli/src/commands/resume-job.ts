/** `windlass jobs resume` */
import { connect } from "../connection/connect.ts";
import { findJob } from "../connection/find-job.ts";
import { now } from "../output/api-object.ts";
import { jobLine } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export async function resumeJob(call: Call): Promise<void> {
  const { client } = connect(call);
  const job = await client.jobs.resume({ id: await findJob(client, argumentOf(call, 0)) });
  await present(call, job, () => `${jobLine(job, call.terminal.style, now())}\n`);
}
