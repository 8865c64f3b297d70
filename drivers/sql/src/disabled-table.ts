/** Definitions of which nothing new is taken: the table, and the statements that both drivers run. */
import type { DefinitionName, DisabledDefinition } from "@windlass/kernel";
import type { Placeholder } from "./list-jobs.ts";
import { tableOf, type SqlValue } from "./table.ts";

export const disabledTable = tableOf<DisabledDefinition>("disabled_definitions", {
  workspace: "text",
  type: "text",
  name: "text",
  disabledBy: "text",
  disabledAt: "integer",
  reason: "text",
});

/** Each uses its values in order, each once. */
export function disabledStatements(p: Placeholder) {
  const keyIs = `workspace = ${p(1)} AND type = ${p(2)} AND name = ${p(3)}`;
  return {
    get: `SELECT ${disabledTable.list()} FROM disabled_definitions WHERE ${keyIs}`,
    add: `INSERT INTO disabled_definitions (${disabledTable.list()}) VALUES (${disabledTable.columns.map((_, i) => p(i + 1)).join(", ")}) ON CONFLICT DO NOTHING`,
    remove: `DELETE FROM disabled_definitions WHERE ${keyIs}`,
  } as const;
}

export function nameValues({ workspace, type, name }: DefinitionName): SqlValue[] {
  return [workspace, type, name];
}
