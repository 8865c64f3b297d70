/** Reads the tool `wait`: a time to come, a time to pass, a signal, or somebody's approval. */
import { type JsonObject } from "@windlass/kernel";
import { present, type Fields } from "./fields.ts";
import { shown } from "./finding.ts";
import { readDuration } from "./read-retry.ts";
import { schemaMistake } from "./signal-schema.ts";
import { isTemplate } from "./template.ts";
import { timeOf } from "./step-spec.ts";
import { APPROVERS_MAX, SIGNAL_NAME_LENGTH_MAX, type WaitTool } from "./workflow.ts";

export const APPROVAL_KEYS = { known: ["by", "text"] };
/** Exactly one of them says what is waited for. */
const AWAITED = ["for", "until", "signal", "approval"] as const;

export function readWait(fields: Fields): WaitTool {
  const [awaited, ...more] = AWAITED.filter((key) => fields.has(key));
  if (awaited === undefined) fields.missing("for", "how long, for example 30s; or until, signal or approval");
  for (const key of more) fields.fault(key, `it waits for one thing, and there is ${awaited ?? ""} already; use two steps`);
  if (fields.has("schema") && !fields.has("signal")) fields.fault("schema", "only a signal brings data");
  return present({
    kind: "wait",
    for: readFor(fields),
    until: readUntil(fields),
    signal: readSignal(fields),
    schema: readSchema(fields),
    approval: readApproval(fields),
  } as const);
}

function readFor(fields: Fields): string | number | undefined {
  const value = fields.raw("for");
  return typeof value === "string" && isTemplate(value) ? value : readDuration(fields, "for");
}

function readUntil(fields: Fields): string | undefined {
  const value = fields.raw("until");
  if (value === undefined || (typeof value === "string" && (isTemplate(value) || timeOf(value) !== undefined))) return value;
  fields.fault("until", `expected a time with its zone such as 2026-01-31T08:00:00Z, found ${shown(value)}`);
  return undefined;
}

function readSignal(fields: Fields): string | undefined {
  const signal = fields.text("signal");
  if (signal !== undefined && (signal.trim() === "" || signal.length > SIGNAL_NAME_LENGTH_MAX))
    fields.fault("signal", `the name of a signal has 1 to ${SIGNAL_NAME_LENGTH_MAX} characters`);
  return signal;
}

function readSchema(fields: Fields): JsonObject | undefined {
  const schema = fields.object("schema");
  const mistake = schema === undefined ? undefined : schemaMistake(schema);
  if (mistake !== undefined) fields.fault("schema", mistake);
  return schema;
}

function readApproval(fields: Fields): WaitTool["approval"] {
  const approval = fields.inner("approval", APPROVAL_KEYS);
  if (approval === undefined) return undefined;
  const by = typeof approval.raw("by") === "string" ? [approval.raw("by") as string] : approval.texts("by");
  if (by?.length === 0) approval.fault("by", "an empty list names nobody; leave it out where whoever may approve may do so");
  if (by !== undefined && by.length > APPROVERS_MAX) approval.fault("by", `${by.length} names; ${APPROVERS_MAX} are allowed`);
  return present({ by, text: approval.text("text") });
}
