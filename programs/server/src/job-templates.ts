/**
 * From what a schedule runs to the request of a job: for whoever saves it, to see whether it can be made and may be, and for
 * the dispatcher, of what is stored when it fires.
 */
import { faultsOf, submission } from "@windlass/contract";
import type { SubmitRequest } from "@windlass/engine";
import {
  isJsonObject,
  JOB_KINDS,
  WindlassError,
  type Fault,
  type JobKindName,
  type Json,
  type JsonObject,
  type ScheduleTemplate,
} from "@windlass/kernel";
import type { DefinitionStore } from "@windlass/ports";
import type { WorkflowLanguage } from "./server-parts.ts";
import { pinVersions, storedWorkflow } from "./stored-workflows.ts";
import { requestOf } from "./submitted-request.ts";

export interface TemplateRun {
  readonly workspace: string;
  readonly template: ScheduleTemplate;
  /** Filled in. */
  readonly input: Json;
}

/** Throws what says why there is no such job: `invalid` with every fault, `not_found`. */
export type MakeRequest = (run: TemplateRun) => Promise<SubmitRequest>;

export interface TemplateParts {
  readonly definitions: DefinitionStore;
  readonly workflows: WorkflowLanguage;
}

/** One for each kind that a schedule may run. What `begin` gives looks each workflow up once. */
export function jobTemplates(parts: TemplateParts): Readonly<Partial<Record<JobKindName, { begin(): MakeRequest }>>> {
  const others = JOB_KINDS.filter((kind) => kind !== "workflow" && kind !== "step");
  const makeSubmitted = submittedAgain();
  return {
    ...Object.fromEntries(others.map((kind) => [kind, { begin: () => makeSubmitted }])),
    workflow: { begin: () => executions(parts) },
  };
}

/** `{"kind": "workflow", "name": "report@3"}`. */
function executions({ definitions, workflows }: TemplateParts): MakeRequest {
  const known = new Map<string, ReturnType<typeof look>>();
  const look = async (workspace: string, text: string) => {
    const { id, body } = await storedWorkflow(definitions, { workspace, text });
    const definition = body as JsonObject;
    return { id, definition, pinned: await pinVersions(definitions, { workspace, definition, referencesOf: workflows.referencesOf }) };
  };
  return async ({ workspace, template, input }) => {
    const { name } = template;
    const text = typeof name === "string" ? name : "";
    const key = `${workspace}/${text}`;
    const found = known.get(key) ?? look(workspace, text);
    known.set(key, found);
    const { id, definition, pinned } = await found;
    return workflows.execution({ definition, versionId: id, input, pinned, scheduled: true });
  };
}

/** Templates that are remembered, and the longest one. */
const KEPT_MAX = 10_000;
const KEPT_LENGTH_MAX = 4_096;

/** Any other job. What a template says is read once: it is the same at each fire. */
function submittedAgain(): MakeRequest {
  const known = new Map<string, SubmitRequest>();
  // Schedules that share a template mostly share its value.
  const met = new WeakMap<ScheduleTemplate, SubmitRequest>();
  const read = (template: ScheduleTemplate): SubmitRequest => {
    const text = JSON.stringify(template);
    let request = known.get(text);
    if (request !== undefined) return request;
    request = submittedRequest(template);
    if (known.size >= KEPT_MAX) known.clear();
    if (text.length <= KEPT_LENGTH_MAX) known.set(text, request);
    return request;
  };
  return async ({ template, input }) => {
    let request = met.get(template);
    if (request === undefined) met.set(template, (request = read(template)));
    const isGiven = !isJsonObject(input) || Object.keys(input).length > 0;
    return isGiven || request.input === undefined ? { ...request, input } : request;
  };
}

/** In the words in which it would be submitted. */
function submittedRequest(template: ScheduleTemplate): SubmitRequest {
  const read = submission.safeParse(template);
  if (!read.success)
    throw refused(
      faultsOf(read.error, template, submission).map(({ path, message }) => ({ path: path === "" ? "job" : `job.${path}`, message })),
    );
  const unfit = (["idempotencyKey", "notBefore", "startDeadline"] as const).filter((key) => read.data[key] !== undefined);
  if (unfit.length > 0) throw refused(unfit.map((key) => ({ path: `job.${key}`, message: "each occurrence has its own; leave it out" })));
  return requestOf(read.data, "");
}

function refused(faults: readonly Fault[]): WindlassError {
  return new WindlassError(
    "invalid",
    `what it runs cannot be submitted: ${faults.map(({ path, message }) => `${path}: ${message}`).join("; ")}`,
    {
      faults,
    },
  );
}
