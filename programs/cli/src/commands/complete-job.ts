/** `windlass jobs complete`: the end of a parked job, by whoever has its completion token. */
import { WindlassError, type Json } from "@windlass/kernel";
import { connect } from "../connection/connect.ts";
import { standardInput } from "../machine/standard-input.ts";
import { now } from "../output/api-object.ts";
import { jobLine } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export interface CompleteOptions {
  readonly payload?: unknown;
  readonly failed?: string;
}

export async function completeJob(call: Call<CompleteOptions>): Promise<void> {
  const { payload, failed } = call.options;
  if (payload !== undefined && failed !== undefined)
    throw new WindlassError("usage", "--payload is the output of a job that succeeded; it does not go with --failed");
  const given = argumentOf(call, 0);
  const token = given === "-" ? (await standardInput()).toString("utf8").trim() : given;
  const job = await connect(call).client.jobs.complete({
    token,
    ...(payload === undefined ? {} : { output: payload as Json }),
    ...(failed === undefined ? {} : { failed }),
  });
  await present(call, job, () => `${jobLine(job, call.terminal.style, now())}\n`);
}
