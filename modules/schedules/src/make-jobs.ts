/** The jobs of occurrences: template, input and labels of their schedule, as a record that only has to be stored. */
import { commandGate, preparedRecords, refusalOf, type EngineContext, type SubmitRequest } from "@windlass/engine";
import { isWindlassError, mayPass, messageOf, WindlassError, type Concurrency, type JobRecord, type Schedule } from "@windlass/kernel";
import { fillInput, type FilledFor } from "./fill-input.ts";
import type { JobTemplates, TemplateRun } from "./job-template.ts";

/** One job that is wanted. */
export interface Wanted extends FilledFor {
  readonly schedule: Schedule;
  readonly notBefore: number | null;
  /** Unless its template has one: a job holds one key. */
  readonly concurrency: Concurrency | null;
}

/** The job of each, in order, or why there is none: by its own fault, or (kernel, `mayPass`) for something that does not answer now. */
export type MakeJobs = (wanted: readonly Wanted[]) => Promise<readonly (JobRecord | Error)[]>;

/** It will be refused tomorrow as well, unless somebody mends it. */
export function isRefusal(error: Error): boolean {
  return isWindlassError(error) && !mayPass(error) && error.code !== "internal";
}

const WITHOUT_COMMANDS =
  "what it runs starts commands, and whoever saved the schedule may not have that done: it must be saved again with a token that has the permission jobs:command";

/** For one pass. */
export function makingJobs(context: EngineContext, templates: JobTemplates): MakeJobs {
  const noCommands = commandGate(context, { name: "", permissions: new Set() });
  const begun = new Map<string, (run: TemplateRun) => Promise<SubmitRequest>>();
  const requestOf = async ({ schedule, notBefore, concurrency, ...times }: Wanted): Promise<SubmitRequest> => {
    const { workspace, template } = schedule;
    let make = begun.get(template.kind);
    if (make === undefined) {
      make = templates[template.kind]?.begin();
      if (make === undefined) throw new WindlassError("invalid", `jobs of kind "${template.kind}" are made by no schedule`);
      begun.set(template.kind, make);
    }
    const request = await make({ workspace, template, input: fillInput(schedule, times) });
    // What it runs may have changed since it was saved, and whoever changed that need not have been asked.
    if (!schedule.mayCommand && refusalOf(() => noCommands(request)) !== null) throw new WindlassError("forbidden", WITHOUT_COMMANDS);
    return {
      ...request,
      workspace,
      labels: { ...request.labels, ...schedule.labels },
      cause: { type: "schedule", id: schedule.id, nominalAt: times.nominalAt },
      ...(notBefore === null ? {} : { notBefore }),
      ...(concurrency === null ? {} : { concurrency: request.concurrency ?? concurrency }),
    };
  };
  return async (wanted) => {
    const requests: (SubmitRequest | Error)[] = [];
    for (const one of wanted) requests.push(await requestOf(one).catch((error: unknown) => asError(error)));
    const good = requests.filter((request): request is SubmitRequest => !(request instanceof Error));
    const records = (await preparedRecords(context, good)).values();
    return requests.map((request) => (request instanceof Error ? request : (records.next().value ?? new Error("a record is missing"))));
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error));
}
