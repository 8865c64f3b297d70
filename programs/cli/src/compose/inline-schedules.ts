/** The schedules in the file of a workflow: the module of workflows leaves them to the one of schedules. */
import { isJsonObject, type Json, type ReadSchedule } from "@windlass/kernel";
import { readScheduleFields, type ScheduleFinding } from "@windlass/schedules";

/** More of one workflow are a program's doing. */
const SCHEDULES_MAX = 50;

export interface InlineSchedules {
  readonly schedules: readonly ReadSchedule[];
  readonly findings: readonly ScheduleFinding[];
}

export function inlineSchedules(data: Json): InlineSchedules {
  const written = isJsonObject(data) ? data["schedules"] : undefined;
  if (written === undefined) return { schedules: [], findings: [] };
  const fault = (message: string): InlineSchedules => ({ schedules: [], findings: [{ path: ["schedules"], message }] });
  if (!Array.isArray(written)) return fault("expected a list of schedules");
  if (written.length > SCHEDULES_MAX) return fault(`${written.length} schedules; ${SCHEDULES_MAX} are allowed`);
  const metadata = isJsonObject(data) ? data["metadata"] : undefined;
  const name = isJsonObject(metadata) ? metadata["name"] : undefined;
  const workflow = typeof name === "string" ? name : "";
  const schedules: ReadSchedule[] = [];
  const findings: ScheduleFinding[] = [];
  for (const [index, fields] of written.entries()) {
    const path = ["schedules", index];
    const read = readScheduleFields(fields, { path, workflow });
    if ("findings" in read) findings.push(...read.findings);
    else if (schedules.some((other) => other.name === read.schedule.name))
      findings.push({ path: [...path, "name"], message: `a schedule before it is called ${read.schedule.name}, too` });
    else schedules.push(read.schedule);
  }
  return { schedules, findings };
}
