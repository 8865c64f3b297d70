/**
 * From plain data that a person wrote to what is stored of a schedule, or to everything that is wrong with it. It comes in
 * two shapes: a file of its own (`kind: Schedule`, name and labels in `metadata`), and flat, as part of the file of a
 * workflow or as the body of a request. Pure; knows nothing of YAML.
 */
import {
  CATCH_UP_LIMIT_MAX,
  CATCH_UP_POLICIES,
  CATCH_UP_WINDOW_MS_MAX,
  DEFAULT_CATCH_UP,
  defaultOverlap,
  didYouMean,
  formatDuration,
  isJsonObject,
  JOB_KINDS,
  OVERLAP_LIMIT_MAX,
  OVERLAP_POLICIES,
  parseDuration,
  LABELS_MAX,
  SCHEDULE_NAME,
  type CatchUp,
  type CatchUpPolicy,
  type Json,
  type Overlap,
  type OverlapPolicy,
  type ReadSchedule,
  type ScheduleTemplate,
} from "@windlass/kernel";
import { keysOf, show, type Written } from "./written.ts";
import { readTiming, TIMING_FIELDS, type TimingFault } from "./read-timing.ts";

export type ScheduleFinding = TimingFault & { readonly atKey?: boolean };
export type ReadScheduleResult = { readonly schedule: ReadSchedule } | { readonly findings: readonly ScheduleFinding[] };

const API_VERSION = "windlass.dev/v1";
const KIND = "Schedule";
const COMMON_KEYS = [...TIMING_FIELDS, "input", "overlap", "catchUp", "paused"];
const TARGET_KEYS = ["workflow", "job"];
/** As of jobs that are submitted: larger ones are no keys of an index. */
const LABEL_NAME_LENGTH_MAX = 200;
const LABEL_LENGTH_MAX = 500;

/** A file of its own. */
export function readScheduleFile(data: Json): ReadScheduleResult {
  const findings: ScheduleFinding[] = [];
  const fields = keysOf(data, { path: [], known: ["apiVersion", "kind", "metadata", ...TARGET_KEYS, ...COMMON_KEYS], findings });
  if (fields === undefined) return { findings };
  for (const [key, expected] of [
    ["apiVersion", API_VERSION],
    ["kind", KIND],
  ] as const) {
    const value = fields.get(key);
    if (value === undefined) findings.push({ path: [], message: `${key} is missing: write ${expected}` });
    else if (value.value !== expected) findings.push({ path: value.path, message: `expected ${expected}, found ${show(value.value)}` });
  }
  const metadata = fields.get("metadata");
  if (metadata === undefined) findings.push({ path: [], message: "metadata is missing: it holds at least the schedule's name" });
  const about = metadata === undefined ? undefined : keysOf(metadata.value, { path: metadata.path, known: ["name", "labels"], findings });
  return read({ fields, about: about ?? new Map(), findings, aboutPath: metadata?.path });
}

/** Flat: part of the file of a workflow, which it runs; or the body of a request. */
export function readScheduleFields(
  data: Json,
  { path = [], workflow }: { readonly path?: readonly (string | number)[]; readonly workflow?: string } = {},
): ReadScheduleResult {
  const findings: ScheduleFinding[] = [];
  const known = ["name", "labels", ...(workflow === undefined ? TARGET_KEYS : []), ...COMMON_KEYS];
  const fields = keysOf(data, { path, known, findings });
  if (fields === undefined) return { findings };
  return read({ fields, about: fields, findings, aboutPath: path, path, workflow });
}

interface Reading {
  readonly fields: Written;
  /** Where name and labels are. */
  readonly about: Written;
  readonly aboutPath: readonly (string | number)[] | undefined;
  readonly findings: ScheduleFinding[];
  readonly path?: readonly (string | number)[];
  /** What it is part of. */
  readonly workflow?: string | undefined;
}

function read({ fields, about, aboutPath, findings, path = [], workflow }: Reading): ReadScheduleResult {
  const name = aboutPath === undefined ? "" : readName(about, { path: aboutPath, findings });
  const labels = readLabels(about, findings);
  const template = workflow === undefined ? readTarget(fields, { path, findings }) : { kind: "workflow" as const, name: workflow };
  const written = Object.fromEntries(TIMING_FIELDS.map((field) => [field, fields.get(field)?.value]));
  const timing = readTiming(written);
  if ("faults" in timing)
    for (const {
      path: [field, ...more],
      message,
    } of timing.faults) {
      const place = field === undefined ? undefined : fields.get(String(field));
      findings.push({ path: place === undefined ? path : [...place.path, ...more], message });
    }
  const catchUp = readCatchUp(fields, findings);
  const overlap = readOverlap(fields, { catchUp, findings });
  const paused = fields.get("paused");
  if (paused !== undefined && typeof paused.value !== "boolean")
    findings.push({ path: paused.path, message: `expected true or false, found ${show(paused.value)}` });
  if (findings.length > 0 || "faults" in timing || template === undefined) return { findings };
  const isPaused = paused?.value as boolean | undefined;
  return {
    schedule: {
      name,
      labels,
      template,
      input: fields.get("input")?.value ?? {},
      timing: timing.timing,
      overlap,
      catchUp,
      paused: isPaused,
    },
  };
}

interface Place {
  readonly path: readonly (string | number)[];
  readonly findings: ScheduleFinding[];
}

function readName(about: Written, { path, findings }: Place): string {
  const name = about.get("name");
  if (name === undefined) findings.push({ path, message: "name is missing: a schedule has a name" });
  else if (typeof name.value !== "string" || !SCHEDULE_NAME.test(name.value))
    findings.push({
      path: name.path,
      message: `${show(name.value)} is no name of a schedule: 1 to 63 lower-case letters, digits and -, beginning with a letter and not ending with -`,
    });
  else return name.value;
  return "";
}

function readLabels(about: Written, findings: ScheduleFinding[]): Readonly<Record<string, string>> {
  const labels = about.get("labels");
  if (labels === undefined) return {};
  if (!isJsonObject(labels.value)) {
    findings.push({ path: labels.path, message: `expected an object, found ${show(labels.value)}` });
    return {};
  }
  const entries = Object.entries(labels.value);
  if (entries.length > LABELS_MAX) findings.push({ path: labels.path, message: `${entries.length} labels; ${LABELS_MAX} are allowed` });
  for (const [key, value] of entries) {
    const path = [...labels.path, key];
    if (key === "__proto__") findings.push({ path, message: "the key __proto__ is not allowed" });
    else if (typeof value !== "string") findings.push({ path, message: `a label is text, found ${show(value)}; put it in quotes` });
    else if (key.length > LABEL_NAME_LENGTH_MAX || value.length > LABEL_LENGTH_MAX)
      findings.push({ path, message: `a label's name has ${LABEL_NAME_LENGTH_MAX} characters at most, its text ${LABEL_LENGTH_MAX}` });
  }
  return labels.value as Readonly<Record<string, string>>;
}

/** What is run: a stored workflow by its name, or any job as it is submitted. */
function readTarget(fields: Written, { path, findings }: Place): ScheduleTemplate | undefined {
  const [workflow, job] = [fields.get("workflow"), fields.get("job")];
  if (workflow !== undefined && job !== undefined) findings.push({ path: job.path, message: "workflow is there, too; write one of them" });
  else if (workflow !== undefined) {
    if (typeof workflow.value === "string" && workflow.value !== "") return { kind: "workflow", name: workflow.value };
    findings.push({ path: workflow.path, message: `expected the name of a stored workflow, found ${show(workflow.value)}` });
  } else if (job === undefined)
    findings.push({ path, message: "it does not say what it runs: write workflow, the name of a stored one, or job" });
  else if (!isJsonObject(job.value))
    findings.push({ path: job.path, message: `expected an object, as jobs are submitted, found ${show(job.value)}` });
  else {
    const { kind = "task" } = job.value;
    if (kind === "workflow") return readWorkflowJob(job, findings);
    if ((JOB_KINDS as readonly Json[]).includes(kind)) return { ...job.value, kind: kind as ScheduleTemplate["kind"] };
    const near = typeof kind === "string" ? didYouMean(kind, JOB_KINDS) : "";
    findings.push({ path: [...job.path, "kind"], message: `expected one of ${JOB_KINDS.join(", ")}, found ${show(kind)}${near}` });
  }
  return undefined;
}

/** `{kind: workflow, name: report@3}`: what an execution is, its workflow says. */
function readWorkflowJob(job: Value, findings: ScheduleFinding[]): ScheduleTemplate | undefined {
  const name = keysOf(job.value, { path: job.path, known: ["kind", "name"], findings })?.get("name");
  if (typeof name?.value === "string" && name.value !== "") return { kind: "workflow", name: name.value };
  const found = name === undefined ? "" : `, found ${show(name.value)}`;
  findings.push({ path: name?.path ?? job.path, message: `expected the name of a stored workflow as name${found}` });
  return undefined;
}

function readOverlap(fields: Written, { catchUp, findings }: { readonly catchUp: CatchUp; readonly findings: ScheduleFinding[] }): Overlap {
  const usual = defaultOverlap(catchUp);
  const written = fields.get("overlap");
  if (written === undefined) return usual;
  const policies = Object.keys(OVERLAP_POLICIES);
  const { policy, more } = policyOf(written, { policies, keys: ["limit"], findings });
  const limit = wholeOf(more.get("limit"), { min: 1, max: OVERLAP_LIMIT_MAX, findings }) ?? (policy === usual.policy ? usual.limit : 1);
  return { policy: (policy as OverlapPolicy | undefined) ?? usual.policy, limit };
}

function readCatchUp(fields: Written, findings: ScheduleFinding[]): CatchUp {
  const written = fields.get("catchUp");
  if (written === undefined) return DEFAULT_CATCH_UP;
  const { policy, more } = policyOf(written, { policies: Object.keys(CATCH_UP_POLICIES), keys: ["window", "limit"], findings });
  return {
    policy: (policy as CatchUpPolicy | undefined) ?? DEFAULT_CATCH_UP.policy,
    windowMs: windowOf(more.get("window"), findings) ?? DEFAULT_CATCH_UP.windowMs,
    limit: wholeOf(more.get("limit"), { min: 1, max: CATCH_UP_LIMIT_MAX, findings }) ?? DEFAULT_CATCH_UP.limit,
  };
}

type Value = { readonly path: readonly (string | number)[]; readonly value: Json };

/** `queue`, or `{policy: queue, limit: 5}`. */
function policyOf(
  written: Value,
  {
    policies,
    keys,
    findings,
  }: { readonly policies: readonly string[]; readonly keys: readonly string[]; readonly findings: ScheduleFinding[] },
): { readonly policy: string | undefined; readonly more: Written } {
  const more: Written = isJsonObject(written.value)
    ? (keysOf(written.value, { path: written.path, known: ["policy", ...keys], findings }) ?? new Map())
    : new Map([["policy", written]]);
  const policy = more.get("policy");
  if (policy === undefined) {
    findings.push({ path: written.path, message: `policy is missing: one of ${policies.join(", ")}` });
    return { policy: undefined, more };
  }
  if (typeof policy.value === "string" && policies.includes(policy.value)) return { policy: policy.value, more };
  const near = typeof policy.value === "string" ? didYouMean(policy.value, policies) : "";
  findings.push({ path: policy.path, message: `expected one of ${policies.join(", ")}, found ${show(policy.value)}${near}` });
  return { policy: undefined, more };
}

function wholeOf(
  written: Value | undefined,
  { min, max, findings }: { readonly min: number; readonly max: number; readonly findings: ScheduleFinding[] },
): number | undefined {
  if (written === undefined) return undefined;
  const { value, path } = written;
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
  findings.push({ path, message: `expected a whole number from ${min} to ${max}, found ${show(value)}` });
  return undefined;
}

function windowOf(written: Value | undefined, findings: ScheduleFinding[]): number | undefined {
  if (written === undefined) return undefined;
  const { value, path } = written;
  const read = typeof value === "string" || typeof value === "number" ? parseDuration(value) : undefined;
  if (read !== undefined && read <= CATCH_UP_WINDOW_MS_MAX) return read;
  findings.push({
    path,
    message: `expected a duration such as 1h, at most ${formatDuration(CATCH_UP_WINDOW_MS_MAX)}, found ${show(value)}`,
  });
  return undefined;
}
