/**
 * What is long goes between the threads as a text of JSON. To copy an object V8 writes the name of each of its fields, every
 * time: a thousand jobs take 2.6 times as long that way, both ends together. All of it is data of the kernel that JSON brings
 * back as it was; a field that is undefined is left out, which means the same.
 */
import type { OperationName } from "./operations.ts";
import type { Packed, Reply } from "./thread-message.ts";

/** The values of a call as they are sent. */
export function packValues(name: OperationName, values: readonly unknown[]): readonly unknown[] | Packed {
  return name === "commit" || name === "dispatchSchedules" ? (JSON.stringify(values) as Packed) : values;
}

export function unpackValues(values: readonly unknown[] | Packed): readonly unknown[] {
  return typeof values === "string" ? (JSON.parse(values) as readonly unknown[]) : values;
}

/** Lists in answers that have an entry for each job. */
const LISTS = ["results", "jobs"] as const;

export function packReply(reply: Reply): Reply {
  const { value } = reply;
  if (typeof value !== "object" || value === null) return reply;
  for (const list of LISTS) {
    if (list in value) return { ...reply, value: { ...value, [list]: null }, list, packed: JSON.stringify(value[list as never]) as Packed };
  }
  return reply;
}

export function valueOf({ value, list, packed }: Reply): unknown {
  return list === undefined || packed === undefined ? value : { ...(value as object), [list]: JSON.parse(packed) as unknown };
}
