/** When schedules fire: what is written, what is stored, and the instants that it means. */
export { faultText, parseCron, type Cron, type CronFault } from "./cron.ts";
export { readInstant, wallText } from "./local-time.ts";
export { previewFires, type PreviewedFire } from "./preview.ts";
export { readScheduleFields, readScheduleFile, type ReadScheduleResult, type ScheduleFinding } from "./read-schedule.ts";
export { readTiming, TIMING_FIELDS, type TimingFault, type WrittenTiming } from "./read-timing.ts";
export { countFires, delayOf, fireTimes, firesBetween, nextFire } from "./timing.ts";
export { nearestZone, zoneOf, type Zone } from "./zone.ts";
export { dispatcher, type DispatcherOptions } from "./dispatcher.ts";
export { dispatchOnce, type DispatchedOnce } from "./dispatch-once.ts";
export { fillInput } from "./fill-input.ts";
export type { Evaluating, ScheduleFailure } from "./evaluate.ts";
export type { JobTemplate, JobTemplates, TemplateRun } from "./job-template.ts";
export { BACKFILL_MAX, schedules, type Backfill, type Backfilled, type Named, type ScheduleRequest, type Schedules } from "./schedules.ts";
