/**
 * The walk over what a store tidies: pages of concurrency keys, then pages of rate buckets, each by its primary key, so that
 * one call is short however much there is. Its position is a text that only this file reads.
 */
import type { SqlValue } from "./table.ts";

/** Rows that one call looks at: the writer of SQLite is held up for some milliseconds. */
export const TIDIED_MAX = 1_000;

export type TidyFrom =
  | { readonly part: "keys"; readonly name: string }
  | { readonly part: "buckets"; readonly queue: string; readonly fairnessKey: string };

/** "" is the beginning. */
export function tidyFrom(after: string): TidyFrom {
  return after === "" ? { part: "keys", name: "" } : (JSON.parse(after) as TidyFrom);
}

/** Where to go on behind a page that began at `from`; the rows begin with what they were ordered by. "" is the end. */
export function tidyNext({ part }: TidyFrom, page: readonly (readonly SqlValue[])[]): string {
  const [first = "", second = ""] = page.at(-1) ?? [];
  const isFull = page.length === TIDIED_MAX;
  if (part === "buckets") return isFull ? position({ part, queue: String(first), fairnessKey: String(second) }) : "";
  return position(isFull ? { part, name: String(first) } : { part: "buckets", queue: "", fairnessKey: "" });
}

function position(from: TidyFrom): string {
  return JSON.stringify(from);
}
