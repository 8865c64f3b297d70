/** What is printed for a job that was submitted and is not waited for. */
import type { SubmittedJson } from "@windlass/contract";
import type { Call } from "../tree/call.ts";
import { present } from "./present.ts";
import { printable } from "./style.ts";

/** As an object: the job. */
export async function presentSubmitted(call: Call, { job, created }: SubmittedJson): Promise<void> {
  const { style } = call.terminal;
  await present(call, job, () => {
    const what = created ? "submitted" : `was submitted before under this key (${job.state})`;
    return `${style("bold", printable(job.name))} ${job.id} ${what}\n${style("dim", `  follow it   windlass jobs watch ${job.id}\n  its log     windlass logs -f ${job.id}`)}\n`;
  });
}
