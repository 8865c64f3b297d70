/** From what is stored of schedules and their occurrences to what the API shows of it. Pure. */
import type { FireJson, OccurrenceJson, ScheduleJson } from "@windlass/contract";
import type { Occurrence, Timing } from "@windlass/kernel";
import type { DueSchedule } from "@windlass/ports";
import { isoTime, maybeTime } from "./present-job.ts";
import type { PreviewedFire } from "./server-parts.ts";

export function presentFire({ at, local, viewed }: PreviewedFire): FireJson {
  return { at: isoTime(at), local, viewed };
}

export function presentTiming({ cron, everyMs, anchor, timezone, jitterMs, startsAt, endsAt, exclude }: Timing): ScheduleJson["timing"] {
  return {
    cron: [...cron],
    everyMs,
    anchor: isoTime(anchor),
    timezone,
    jitterMs,
    startsAt: maybeTime(startsAt),
    endsAt: maybeTime(endsAt),
    exclude: [...exclude],
  };
}

export function presentSchedule({ schedule, cursor, alive }: DueSchedule): ScheduleJson {
  const { id, name, template, input, labels, paused, pausedBy, pausedReason, source, createdBy, changedBy, revision } = schedule;
  return {
    id,
    name,
    timing: presentTiming(schedule.timing),
    overlap: { ...schedule.overlap },
    catchUp: { ...schedule.catchUp },
    template,
    input,
    labels: { ...labels },
    paused,
    pausedBy,
    pausedAt: maybeTime(schedule.pausedAt),
    pausedReason,
    source,
    nextAt: maybeTime(cursor.nextAt),
    failing: cursor.failing === null ? null : { ...cursor.failing, since: isoTime(cursor.failing.since) },
    running: alive.length,
    waiting: cursor.waiting.length,
    createdBy,
    createdAt: isoTime(schedule.createdAt),
    changedBy,
    changedAt: isoTime(schedule.changedAt),
    revision,
  };
}

export function presentOccurrence(row: Occurrence): OccurrenceJson {
  const { count, origin, run, decision, reason, message, jobId, behind } = row;
  return {
    nominalAt: isoTime(row.nominalAt),
    lastAt: isoTime(row.lastAt),
    count,
    origin,
    run,
    dueAt: isoTime(row.dueAt),
    decision,
    reason,
    message,
    jobId,
    behind,
    intoAt: maybeTime(row.intoAt),
    decidedAt: isoTime(row.decidedAt),
    settledAt: maybeTime(row.settledAt),
  };
}
