/** The statements behind the counts of jobs by state. Each follows an index that holds nothing else, and stops at a cap. */
import { isTerminal, type JobState } from "@windlass/kernel";
import { ALIVE, SAME_JOB, type Placeholder } from "./list-jobs.ts";

/** Their counts are added up. Values: workspace, cap. */
export function countQueries(state: JobState, placeholder: Placeholder): readonly string[] {
  const [workspace, cap] = [placeholder(1), placeholder(2)];
  const capped = (rows: string): string => `SELECT count(*) FROM (${rows} LIMIT ${cap}) capped`;
  if (isTerminal(state)) return [capped(`SELECT 1 FROM job_ends WHERE workspace = ${workspace} AND state = '${state}'`)];
  const alive = (condition: string): string =>
    capped(`SELECT 1 FROM ${ALIVE} WHERE ${SAME_JOB} AND ${condition} AND j.workspace = ${workspace}`);
  if (state !== "queued") return [alive(`l.state = '${state}' AND l.state <> 'queued'`)];
  return [alive("l.state = 'queued' AND l.blocked = 0"), alive("l.state = 'queued' AND l.blocked = 1")];
}
