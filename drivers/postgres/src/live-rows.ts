/**
 * Live rows as they are read: what a row has that was just submitted is not sent. Most of its columns are such, and to make a
 * text of each of them there and a value of it here was what a read cost.
 */
import { liveTable, type SqlValue } from "@windlass/sql";
import type { LiveJob } from "@windlass/kernel";
import type { Row } from "./connection.ts";

/** What stands in columns that are never null, in most rows. Null is sent for it. */
const USUAL: Partial<Record<keyof LiveJob, string | number>> = {
  path: "",
  priority: 0,
  fairnessKey: "",
  state: "queued",
  holder: "none",
  blocked: 0,
  resumed: 0,
  attempt: 0,
  token: 0,
  wakes: 0,
  decided: 0,
  openChildren: 0,
  childrenMade: 0,
  eventSeq: 1,
  revision: 1,
};

const usual: readonly (SqlValue | undefined)[] = liveTable.columns.map(({ key }) => USUAL[key]);
const at = (key: keyof LiveJob): number => liveTable.columns.findIndex((column) => column.key === key);
/** Where the id stands among them. */
export const ID: number = at("id");
const ROOT_ID = at("rootId");

/** What to select of `jobs_live`, which goes by `prefix`. */
export function liveColumns(prefix = ""): string {
  return liveTable.columns
    .map(({ key, name }, i) => {
      const column = `${prefix}${name}`;
      if (key === "rootId") return `nullif(${column}, ${prefix}id)`;
      const value = usual[i];
      if (value === undefined || value === null) return column;
      return `nullif(${column}, ${typeof value === "number" ? value : `'${value}'`})`;
    })
    .join(", ");
}

/** A live row from the values of `liveColumns`. */
export function liveOf(row: Row): LiveJob {
  const values = row.map((value, i) => value ?? usual[i] ?? null);
  values[ROOT_ID] ??= values[ID] ?? null;
  return liveTable.decode(values);
}
