/** `windlass workflows apply`, `list`, `get`, `versions`, `disable`, `enable`, `delete` */
import type { WorkflowJson } from "@windlass/contract";
import { allPages } from "../connection/all-pages.ts";
import { connect } from "../connection/connect.ts";
import { now, presentTable } from "../output/api-object.ts";
import { agoOf, count, timeColumn } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import { argumentOf, type Call } from "../tree/call.ts";
import { about, readSource } from "./workflow-source.ts";

const VERSIONS_MAX = 500;

/** Prints one object for one file, a list for several. */
export async function applyWorkflows(call: Call): Promise<void> {
  const { client } = connect(call);
  const files = call.args[0] as readonly string[];
  const sources = await Promise.all(files.map(async (file) => ({ file, source: await readSource(file) })));
  const answers: Awaited<ReturnType<typeof client.workflows.apply>>[] = [];
  for (const { file, source } of sources) answers.push(await about(file, () => client.workflows.apply({ source })));
  await present(call, answers.length === 1 ? answers[0] : { items: answers }, () =>
    answers
      .map(({ workflow, created, schedules }) => {
        const told = schedules.map(
          ({ name, change }) => `  schedule ${name} ${change === "unchanged" ? "is unchanged" : `was ${change}`}\n`,
        );
        const rests = workflow.disabled === null ? "" : `; it is disabled: windlass workflows enable ${workflow.name}`;
        return `${workflow.name}@${workflow.version} ${created ? "applied" : "is unchanged"}${rests}\n${told.join("")}`;
      })
      .join(""),
  );
}

export async function listWorkflows(call: Call): Promise<void> {
  const { client } = connect(call);
  const answer = await allPages(client.workflows.list);
  const at = now();
  await presentTable<WorkflowJson>(call, answer, {
    columns: [
      { title: "NAME", value: (workflow) => workflow.name, elastic: true },
      { title: "VERSION", value: (workflow) => String(workflow.version) },
      { title: "STATE", value: ({ disabled }) => (disabled === null ? "enabled" : "disabled") },
      timeColumn("APPLIED", (workflow) => workflow.createdAt, at),
      {
        title: "LABELS",
        value: (workflow) =>
          Object.entries(workflow.labels)
            .map(([key, value]) => `${key}=${value}`)
            .join(","),
        elastic: true,
      },
      { title: "HASH", value: (workflow) => workflow.hash, wide: true },
    ],
    rows: answer.items,
    none: "No workflows are applied here: windlass workflows apply FILE",
  });
}

/** The newest versions; older ones by `before`, over the API. */
export async function listVersions(call: Call): Promise<void> {
  const answer = await connect(call).client.workflows.versions({ name: argumentOf(call, 0), limit: VERSIONS_MAX });
  const at = now();
  await presentTable<WorkflowJson>(call, answer, {
    columns: [
      { title: "VERSION", value: (workflow) => `${workflow.name}@${workflow.version}` },
      { title: "APPLIED", value: (workflow) => agoOf(workflow.createdAt, at) },
      { title: "HASH", value: (workflow) => workflow.hash, wide: true },
    ],
    rows: answer.items,
    none: "No versions.",
  });
}

export async function disableWorkflow(call: Call<{ readonly reason?: string }>): Promise<void> {
  const { reason } = call.options;
  const answer = await connect(call).client.workflows.disable({
    name: argumentOf(call, 0),
    ...(reason === undefined ? {} : { reason }),
  });
  const { workflow, cancelled } = answer;
  const ended =
    cancelled === 0 ? "" : ` ${count(cancelled, "execution")} that had not begun ${cancelled === 1 ? "was" : "were"} cancelled.`;
  await present(
    call,
    answer,
    () => `Disabled ${workflow.name}: nothing new of it is taken until windlass workflows enable ${workflow.name}.${ended}\n`,
  );
}

export async function enableWorkflow(call: Call): Promise<void> {
  const workflow = await connect(call).client.workflows.enable({ name: argumentOf(call, 0) });
  await present(call, workflow, () => `Enabled ${workflow.name}.\n`);
}

export async function deleteWorkflow(call: Call): Promise<void> {
  const name = argumentOf(call, 0);
  const answer = await connect(call).client.workflows.delete({ name });
  await present(call, answer, () => `Deleted ${name}: ${count(answer.removed, "version")}.\n`);
}

export async function getWorkflow(call: Call): Promise<void> {
  const workflow = await connect(call).client.workflows.get({ name: argumentOf(call, 0) });
  const { stringify } = await import("yaml");
  await present(call, workflow, () => stringify(workflow.definition));
}
