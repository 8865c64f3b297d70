/**
 * The seam between schedules and the kinds of jobs that they make. The composition root hands one in for each kind: modules meet
 * nowhere else.
 */
import type { SubmitRequest } from "@windlass/engine";
import type { JobKindName, Json, ScheduleTemplate } from "@windlass/kernel";

/** What a job is made from; the input has been filled in. */
export interface TemplateRun {
  readonly workspace: string;
  readonly template: ScheduleTemplate;
  readonly input: Json;
}

export interface JobTemplate {
  /** For one pass of the dispatcher: what it looks up, it looks up once in it. Throws what says why there is no such job. */
  begin(): (run: TemplateRun) => Promise<SubmitRequest>;
}

export type JobTemplates = Partial<Readonly<Record<JobKindName, JobTemplate>>>;
