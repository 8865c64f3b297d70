/** `windlass jobs delete` */
import { connect } from "../connection/connect.ts";
import { findJob } from "../connection/find-job.ts";
import { count } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export async function deleteJob(call: Call): Promise<void> {
  const { client } = connect(call);
  const id = await findJob(client, argumentOf(call, 0));
  const answer = await client.jobs.delete({ id });
  await present(
    call,
    answer,
    () => `Deleted ${id}: ${count(answer.removed, "job")} with ${answer.removed === 1 ? "its" : "their"} logs.\n`,
  );
}
