/** `windlass token …` */
import type { TokenJson } from "@windlass/contract";
import { WindlassError } from "@windlass/kernel";
import { allPages } from "../connection/all-pages.ts";
import { connect } from "../connection/connect.ts";
import { now, presentTable } from "../output/api-object.ts";
import { agoOf } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import type { Column } from "../output/table.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export interface CreateOptions {
  readonly role?: readonly string[];
  readonly permission?: readonly string[];
  readonly workspaces?: readonly string[];
  readonly allWorkspaces?: boolean;
  /** Milliseconds. */
  readonly expiresIn?: number;
}

/** The secret alone goes to standard output, so that a script can keep it; what is said about it goes to standard error. */
export async function createToken(call: Call<CreateOptions>): Promise<void> {
  const { role = [], permission = [], workspaces, allWorkspaces, expiresIn } = call.options;
  if (workspaces !== undefined && allWorkspaces === true)
    throw new WindlassError("usage", "--workspaces and --all-workspaces say two things: these, and all; give one of them");
  const where = allWorkspaces === true ? "all" : workspaces === undefined ? undefined : [...workspaces];
  const made = await connect(call).client.tokens.create({
    name: argumentOf(call, 0),
    roles: [...role],
    permissions: [...permission],
    ...(where === undefined ? {} : { workspaces: where }),
    ...(expiresIn === undefined ? {} : { expiresAt: new Date(now() + expiresIn).toISOString() }),
  });
  await present(call, made, () => `${made.secret}\n`);
  if (call.format === "json" || call.format === "yaml") return;
  const { token } = made;
  const end = token.expiresAt === null ? "" : `, until ${token.expiresAt}`;
  call.terminal.err(`Made the token ${token.name} (${token.id}) for ${placesOf(token)}${end}. Its secret is shown this once.\n`);
}

export async function listTokens(call: Call<{ readonly all?: boolean }>): Promise<void> {
  const { client } = connect(call);
  const { items } = await allPages<TokenJson>((page) => client.tokens.list({ ...page, all: call.options.all ?? false }));
  await presentTable(
    call,
    { items },
    {
      columns: columns(now()),
      rows: items,
      none: "No tokens besides the one in the data folder; make one: windlass token create NAME --role write",
    },
  );
}

export async function revokeToken(call: Call): Promise<void> {
  const revoked = await connect(call).client.tokens.revoke({ id: argumentOf(call, 0) });
  await present(call, revoked, () => `Revoked the token ${revoked.name} (${revoked.id})\n`);
}

function columns(at: number): readonly Column<TokenJson>[] {
  return [
    { title: "TOKEN", value: (token) => token.name, elastic: true },
    { title: "ID", value: (token) => token.id },
    { title: "STATE", value: (token) => token.state, colour: (token) => (token.state === "active" ? "green" : "dim") },
    { title: "MAY", value: (token) => [...token.roles, ...token.permissions].join(", "), elastic: true },
    { title: "WORKSPACES", value: placesOf, elastic: true },
    { title: "USED", value: (token) => (token.lastUsedAt === null ? "never" : agoOf(token.lastUsedAt, at)) },
    { title: "EXPIRES", value: (token) => token.expiresAt ?? "never" },
    { title: "CREATED", value: (token) => agoOf(token.createdAt, at), wide: true },
    { title: "BY", value: (token) => token.createdBy, wide: true },
    { title: "REVOKED BY", value: (token) => token.revokedBy ?? "", wide: true },
  ];
}

function placesOf({ workspaces }: TokenJson): string {
  return workspaces === null ? "all workspaces" : workspaces.join(", ");
}
