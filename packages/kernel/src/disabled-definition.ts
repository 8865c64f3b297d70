/** Stored definitions of which nothing new is taken: who is refused, and what he is told. Pure. */
import type { Change, Refusal } from "./change.ts";
import type { JobRecord } from "./job.ts";

export interface DefinitionName {
  readonly workspace: string;
  readonly type: string;
  readonly name: string;
}

/** That nothing new of a definition is taken, whichever version is asked for. */
export interface DisabledDefinition extends DefinitionName {
  readonly disabledBy: string;
  readonly disabledAt: number;
  readonly reason: string | null;
}

/** The definitions that a batch must not find disabled, each once. A store keeps them as they are until the batch is stored. */
export function definitionsNeeded(changes: readonly Change[]): DefinitionName[] {
  const needed = new Map<string, DefinitionName>();
  for (const change of changes) {
    if (change.type !== "submit" || change.definitions === undefined) continue;
    for (const key of keysOf(change.job, change.definitions)) needed.set(definitionKeyOf(key), key);
  }
  return [...needed.values()];
}

export const definitionKeyOf = ({ workspace, type, name }: DefinitionName): string => `${workspace} ${type} ${name}`;

/** Null: none of the definitions that a job is made of is disabled. `disabled`: `definitionKeyOf` → the mark. */
export function disabledRefusal(
  job: JobRecord,
  definitions: readonly string[] | undefined,
  disabled: ReadonlyMap<string, DisabledDefinition>,
): (Refusal & { readonly code: "workflow_disabled" }) | null {
  if (disabled.size === 0) return null;
  for (const key of keysOf(job, definitions)) {
    const mark = disabled.get(definitionKeyOf(key));
    if (mark !== undefined) return { code: "workflow_disabled", why: whyRefused(job, mark), details: { workflow: mark.name } };
  }
  return null;
}

function keysOf({ workspace, kind: type }: JobRecord, definitions: readonly string[] = []): DefinitionName[] {
  return definitions.map((name) => ({ workspace, type, name }));
}

function whyRefused(job: JobRecord, { name, disabledBy, disabledAt, reason }: DisabledDefinition): string {
  const what = job.name === name ? `the workflow ${name}` : `the workflow ${name}, which ${job.name} runs,`;
  const why = reason === null ? "" : `: ${reason}`;
  return `${what} was disabled by ${disabledBy} at ${new Date(disabledAt).toISOString()}${why}. Nothing new of it is taken until somebody enables it: windlass workflows enable ${name}`;
}
