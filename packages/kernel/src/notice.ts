/**
 * Notices: the messages by which those who decide that something is to run tell those who start it. A notice only says
 * "look at this execution", which is stored before the notice is sent. Pure: what it holds, how it is read, and why one
 * that cannot be followed is put with the dead letters.
 */
import { isJsonObject, type JsonObject } from "./json.ts";
import { DEFAULT_WORKSPACE, type Cause, type JobRecord } from "./job.ts";
import { didYouMean } from "./nearest.ts";

/** What caused the execution. `event`: another system put the notice there by itself. */
export const TRIGGER_TYPES = ["schedule", "catch_up", "backfill", "manual", "event"] as const;
export type TriggerType = (typeof TRIGGER_TYPES)[number];

/** The only version and the only type so far: readers of this version refuse others, and do not guess. */
export const NOTICE_VERSION = 1;
export const NOTICE_TYPE = "execution";

/** As it is written, so that other systems can send it: times are RFC 3339 in UTC. */
export interface Notice {
  readonly version: typeof NOTICE_VERSION;
  readonly type: typeof NOTICE_TYPE;
  /** Name of the workflow; `WORKSPACE/NAME` for one that is not in `default`. */
  readonly workflow_id: string;
  readonly schedule_id?: string;
  /** Left out by other systems: whoever receives it makes the execution, once. */
  readonly execution_id?: string;
  readonly nominal_time: string;
  readonly trigger_type: TriggerType;
  readonly input?: JsonObject;
  readonly sent_at: string;
}

/**
 * Of its body as UTF-8. With its attributes it stays below the 256 KiB that every broker takes; larger inputs are read over
 * the API by whoever needs them.
 */
export const NOTICE_BYTES_MAX: number = 240 * 1024;
/** Names of workflows with their workspace, of schedules and of executions are shorter. */
const NAME_LENGTH_MAX = 300;

/** Why a notice is among the dead letters. */
export const NOTICE_FAULTS = {
  malformed: { meaning: "its body is not a JSON object" },
  schema: { meaning: "its body is JSON, but not a notice of this version" },
  signature: { meaning: "it is not signed with a key that is known here, or was changed after it was signed" },
  signature_expired: { meaning: "it was signed longer ago than `notices.replaySeconds`" },
  unknown_workflow: { meaning: "there is no such workflow" },
  workflow_disabled: { meaning: "the workflow is disabled; once it is enabled, the notice can be redriven" },
  unknown_execution: { meaning: "there is no such execution: it was removed, or never stored here" },
  refused: { meaning: "the execution that it asks for was refused: its input is not what the workflow takes" },
  attempts_exhausted: { meaning: "whoever received it failed or died each time" },
  unknown: { meaning: "somebody else put it there and gave no reason" },
} as const satisfies Record<string, { readonly meaning: string }>;
export type NoticeFault = keyof typeof NOTICE_FAULTS;
export const noticeFaults = Object.keys(NOTICE_FAULTS) as NoticeFault[];

export function isNoticeFault(text: string): text is NoticeFault {
  return Object.hasOwn(NOTICE_FAULTS, text);
}

export type ReadNotice = { readonly notice: Notice } | { readonly fault: "malformed" | "schema"; readonly message: string };

const NAME = `a text of 1 to ${NAME_LENGTH_MAX} characters`;
const TIME = "a time such as 2026-01-31T09:00:00Z";

interface Rule {
  readonly allowed: string;
  readonly isRight: (found: unknown) => boolean;
  readonly isOptional?: true;
}

const RULES: Readonly<Record<keyof Notice, Rule>> = {
  version: { allowed: String(NOTICE_VERSION), isRight: (found) => found === NOTICE_VERSION },
  type: { allowed: `"${NOTICE_TYPE}"`, isRight: (found) => found === NOTICE_TYPE },
  workflow_id: { allowed: NAME, isRight: isName },
  schedule_id: { allowed: NAME, isRight: isName, isOptional: true },
  execution_id: { allowed: NAME, isRight: isName, isOptional: true },
  nominal_time: { allowed: TIME, isRight: isTime },
  trigger_type: { allowed: `one of ${TRIGGER_TYPES.join(", ")}`, isRight: (found) => TRIGGER_TYPES.some((known) => known === found) },
  input: { allowed: "a JSON object", isRight: isJsonObject, isOptional: true },
  sent_at: { allowed: TIME, isRight: isTime },
};
const KEYS = Object.keys(RULES);

/** Every fault of a body is told at once. */
export function readNotice(body: string): ReadNotice {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { fault: "malformed", message: `the body is no JSON: ${shown(body)}` };
  }
  if (!isJsonObject(value)) return { fault: "malformed", message: `the body is ${kindOf(value)}; it must be a JSON object` };
  const faults = faultsOf(value);
  return faults.length === 0 ? { notice: value as unknown as Notice } : { fault: "schema", message: faults.join("; ") };
}

/** Steps are told of by nobody but their execution, and tasks wait for workers. */
export function isToldOf({ parentId, kind }: Pick<JobRecord, "parentId" | "kind">): boolean {
  return parentId === null && kind === "workflow";
}

/** What is sent of an execution that is stored. */
export function noticeOf({ id, workspace, name, cause, createdAt }: JobRecord, now: number): Notice {
  return {
    version: NOTICE_VERSION,
    type: NOTICE_TYPE,
    workflow_id: workspace === DEFAULT_WORKSPACE ? name : `${workspace}/${name}`,
    ...(cause.type === "schedule" ? { schedule_id: cause.id } : {}),
    execution_id: id,
    nominal_time: new Date(cause.type === "schedule" ? cause.nominalAt : createdAt).toISOString(),
    trigger_type: TRIGGER_OF[cause.type],
    sent_at: new Date(now).toISOString(),
  };
}

const TRIGGER_OF: Readonly<Record<Cause["type"], TriggerType>> = {
  user: "manual",
  parent: "manual",
  retry: "manual",
  schedule: "schedule",
  trigger: "event",
};

/** `WORKSPACE/NAME`, or a name of the default workspace. */
export function workflowOfNotice({ workflow_id: id }: Pick<Notice, "workflow_id">): { readonly workspace: string; readonly name: string } {
  const at = id.indexOf("/");
  return at < 0 ? { workspace: DEFAULT_WORKSPACE, name: id } : { workspace: id.slice(0, at), name: id.slice(at + 1) };
}

/** What a queue shows without opening the body: subscriptions and people filter by it. */
export function noticeAttributes({ trigger_type, workflow_id }: Notice): Readonly<Record<"trigger_type" | "workflow_id", string>> {
  return { trigger_type, workflow_id };
}

function faultsOf(value: JsonObject): readonly string[] {
  const faults = Object.keys(value)
    .filter((key) => !KEYS.some((known) => known === key))
    .map((key) => `"${key}" is not known${didYouMean(key, KEYS)}`);
  for (const [key, { allowed, isRight, isOptional }] of Object.entries(RULES)) {
    const found = value[key];
    if ((found === undefined && isOptional === true) || isRight(found)) continue;
    faults.push(`${key} is ${found === undefined ? "missing" : shown(JSON.stringify(found))}; it must be ${allowed}`);
  }
  return faults;
}

function isName(found: unknown): boolean {
  return typeof found === "string" && found.length > 0 && found.length <= NAME_LENGTH_MAX;
}

/** RFC 3339 with its zone: a time without one means another instant on another machine. */
function isTime(found: unknown): boolean {
  return (
    typeof found === "string" &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/u.test(found) &&
    !Number.isNaN(Date.parse(found))
  );
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
}

/** Of what was found, enough to know it by. */
const SHOWN_MAX = 60;

function shown(text: string): string {
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}…`;
}
