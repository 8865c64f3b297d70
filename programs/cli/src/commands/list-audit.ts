/** `windlass audit list` */
import type { AuditJson } from "@windlass/contract";
import { connect } from "../connection/connect.ts";
import { presentTable, tellCursor } from "../output/api-object.ts";
import type { Column } from "../output/table.ts";
import type { Call } from "../tree/call.ts";
import { demandKnown } from "../tree/known-word.ts";

export interface AuditOptions {
  readonly actor?: string;
  readonly operation?: string;
  readonly object?: string;
  readonly outcome?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export async function listAudit(call: Call<AuditOptions>): Promise<void> {
  const { actor, operation, object, outcome, since, until, limit, cursor, workspace } = call.options;
  const filter = { actor, operation, object, outcome, since, until, limit, cursor, workspace };
  const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
  if (operation !== undefined) await demandOperation(operation);
  const answer = await connect(call).client.audit.list(given);
  const isNarrowed = [actor, operation, object, outcome, since, until].some((value) => value !== undefined);
  const none = isNarrowed ? "No entry fits." : "Nothing was changed, as far as the audit goes.";
  await presentTable(call, answer, { columns: COLUMNS, rows: answer.items, none });
  tellCursor(call, answer.nextCursor);
}

/** Throws `usage`. */
async function demandOperation(value: string): Promise<void> {
  const { operationList } = await import("@windlass/contract");
  const told = "docs/reference/sdk.md has all";
  // What the audit says of itself is no operation of the API.
  const known = [...operationList.map(({ id }) => id), "audit.lost"];
  demandKnown("--operation", { what: "operation", value, known, told });
}

const COLUMNS: readonly Column<AuditJson>[] = [
  { title: "TIME", value: (entry) => entry.at },
  { title: "WHO", value: (entry) => entry.actorName },
  { title: "WHAT", value: (entry) => entry.operation },
  { title: "OBJECT", value: (entry) => entry.object ?? "", elastic: true },
  { title: "WORKSPACE", value: (entry) => entry.workspace },
  { title: "OUTCOME", value: (entry) => entry.outcome, colour: (entry) => (entry.outcome === "ok" ? null : "yellow") },
  { title: "TOKEN", value: (entry) => entry.actorId, wide: true },
  { title: "REQUEST", value: (entry) => entry.requestId, wide: true },
];
