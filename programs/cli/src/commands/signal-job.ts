/** `windlass signal`, `approve`, `reject` */
import type { Json } from "@windlass/kernel";
import { connect } from "../connection/connect.ts";
import { findJob } from "../connection/find-job.ts";
import { now } from "../output/api-object.ts";
import { jobLine } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export interface DecideOptions {
  readonly step?: string;
  readonly comment?: string;
}

export async function signalJob(call: Call<{ readonly payload?: unknown }>): Promise<void> {
  const { client } = connect(call);
  const id = await findJob(client, argumentOf(call, 0));
  const name = argumentOf(call, 1);
  const { payload } = call.options;
  const job = await client.jobs.signal({ id, name, ...(payload === undefined ? {} : { data: payload as Json }) });
  await present(call, job, () => `The signal ${name} was sent.\n${jobLine(job, call.terminal.style, now())}\n`);
}

export const approveJob = (call: Call<DecideOptions>): Promise<void> => decide(call, "approve");
export const rejectJob = (call: Call<DecideOptions>): Promise<void> => decide(call, "reject");

async function decide(call: Call<DecideOptions>, verb: "approve" | "reject"): Promise<void> {
  const { client } = connect(call);
  const { step, comment } = call.options;
  const job = await client.jobs[verb]({
    id: await findJob(client, argumentOf(call, 0)),
    ...(step === undefined ? {} : { step }),
    ...(comment === undefined ? {} : { comment }),
  });
  await present(call, job, () => `${jobLine({ ...job, name: job.key ?? job.name }, call.terminal.style, now())}\n`);
}
