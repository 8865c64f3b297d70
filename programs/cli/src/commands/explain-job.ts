/** `windlass explain` */
import type { ExplanationJson } from "@windlass/contract";
import { connect } from "../connection/connect.ts";
import { findJob } from "../connection/find-job.ts";
import { now } from "../output/api-object.ts";
import { jobLine } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import { printable, type Style } from "../output/style.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export async function explainJob(call: Call): Promise<void> {
  const { client } = connect(call);
  const id = await findJob(client, argumentOf(call, 0));
  const explanation = await client.jobs.explain({ id });
  await present(call, explanation, () => told(explanation, call.terminal.style));
}

function told({ job, causes }: ExplanationJson, style: Style): string {
  const lines = causes.map((cause, index) => {
    const todo = cause.todo === "" ? "" : `\n${" ".repeat(cause.depth * 2 + 4)}${style("cyan", "do:")} ${cause.todo}`;
    return `${" ".repeat(cause.depth * 2 + 2)}${index === 0 ? "" : "because "}${printable(cause.message)}${todo}\n`;
  });
  return `${jobLine({ ...job, message: null }, style, now())}\n${lines.join("")}`;
}
