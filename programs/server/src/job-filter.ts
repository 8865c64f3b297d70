/** The filter of a request as the store reads it. */
import type { JobKindName, JobState, Outcome } from "@windlass/kernel";
import { queueKeyOf } from "@windlass/kernel";
import type { JobFilter } from "@windlass/ports";
import { definedOnly } from "./defined-only.ts";

export interface AskedFilter {
  readonly kind?: JobKindName | undefined;
  readonly name?: string | undefined;
  readonly state?: readonly JobState[] | undefined;
  readonly outcome?: Outcome | undefined;
  readonly queue?: string | undefined;
  /** `key=value` */
  readonly label?: string | undefined;
}

export function filterOf(workspace: string, { kind, name, state, outcome, queue, label }: AskedFilter): Omit<JobFilter, "limit"> {
  const [key = "", ...value] = label?.split("=") ?? [];
  return {
    ...definedOnly({ kind, name, outcome }),
    workspace,
    ...(queue === undefined ? {} : { queue: queueKeyOf(workspace, queue) }),
    ...(state === undefined ? {} : { states: state }),
    ...(label === undefined ? {} : { label: { key, value: value.join("=") } }),
  };
}
