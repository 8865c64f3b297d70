/** `windlass workspaces …` */
import type { WorkspaceJson } from "@windlass/contract";
import { allPages } from "../connection/all-pages.ts";
import { connect } from "../connection/connect.ts";
import { now, presentTable } from "../output/api-object.ts";
import { agoOf } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export async function listWorkspaces(call: Call): Promise<void> {
  const { client } = connect(call);
  const answer = await allPages(client.workspaces.list);
  const at = now();
  await presentTable<WorkspaceJson>(call, answer, {
    columns: [
      { title: "WORKSPACE", value: ({ name }) => name, elastic: true },
      { title: "CREATED", value: ({ createdAt }) => agoOf(createdAt, at) },
      { title: "BY", value: ({ createdBy }) => createdBy ?? "" },
    ],
    rows: answer.items,
    none: "Your token may use no workspace.",
  });
}

export async function createWorkspace(call: Call): Promise<void> {
  const made = await connect(call).client.workspaces.create({ name: argumentOf(call, 0) });
  await present(
    call,
    made,
    () => `Made the workspace ${made.name}; use it with --workspace ${made.name} or WINDLASS_WORKSPACE=${made.name}\n`,
  );
}

export async function deleteWorkspace(call: Call): Promise<void> {
  const deleted = await connect(call).client.workspaces.delete({ name: argumentOf(call, 0) });
  await present(call, deleted, () => `Deleted the workspace ${deleted.name}\n`);
}
