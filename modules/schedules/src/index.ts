/** When schedules fire: what is written, what is stored, and the instants that it means. */
export { faultText, parseCron, type Cron, type CronFault } from "./cron.ts";
export { readInstant, wallText } from "./local-time.ts";
export { previewFires, type PreviewedFire } from "./preview.ts";
export { readTiming, TIMING_FIELDS, type TimingFault, type WrittenTiming } from "./read-timing.ts";
export { countFires, delayOf, fireTimes, firesBetween, nextFire } from "./timing.ts";
export { nearestZone, zoneOf, type Zone } from "./zone.ts";
