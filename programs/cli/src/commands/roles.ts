/** `windlass roles …` */
import type { RoleJson } from "@windlass/contract";
import type { Client } from "@windlass/sdk";
import { allPages } from "../connection/all-pages.ts";
import { connect } from "../connection/connect.ts";
import { presentTable } from "../output/api-object.ts";
import { present } from "../output/present.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export async function listRoles(call: Call): Promise<void> {
  const answer = await allRoles(connect(call).client);
  await presentTable<RoleJson>(call, answer, {
    columns: [
      { title: "ROLE", value: ({ name }) => name },
      { title: "MADE BY", value: ({ createdBy }) => createdBy ?? "built in" },
      { title: "MAY", value: ({ permissions }) => permissions.join(", "), elastic: true },
    ],
    rows: answer.items,
    none: "There are no roles.",
  });
  if (call.format !== "wide") return;
  const width = Math.max(...answer.permissions.map(({ name }) => name.length));
  call.terminal.out(`\n${answer.permissions.map(({ name, meaning }) => `${name.padEnd(width)}  ${meaning}\n`).join("")}`);
}

async function allRoles({ roles }: Client) {
  let permissions: Awaited<ReturnType<Client["roles"]["list"]>>["permissions"] = [];
  const { items } = await allPages(async (asked) => {
    const page = await roles.list(asked);
    ({ permissions } = page);
    return page;
  });
  return { items, permissions };
}

export async function createRole(call: Call<{ readonly permission: readonly string[] }>): Promise<void> {
  const role = await connect(call).client.roles.create({ name: argumentOf(call, 0), permissions: [...call.options.permission] });
  await present(call, role, () => `Made the role ${role.name}: ${role.permissions.join(", ")}\n`);
}

export async function deleteRole(call: Call): Promise<void> {
  const deleted = await connect(call).client.roles.delete({ name: argumentOf(call, 0) });
  await present(call, deleted, () => `Deleted the role ${deleted.name}\n`);
}
