/** The module of schedules as the server asks for it. */
import { WindlassError, type Fault, type JsonObject, type ReadSchedule, type Timing } from "@windlass/kernel";
import {
  fillInput,
  firesBetween,
  nearestZone,
  previewFires,
  readScheduleFields,
  readScheduleFile,
  readTiming,
  zoneOf,
  type ReadScheduleResult,
  type ScheduleFinding,
} from "@windlass/schedules";
import type { ScheduleLanguage } from "@windlass/server";
import { pathText, readYaml } from "@windlass/workflows";

export const scheduleLanguage: ScheduleLanguage = {
  read(source) {
    const yaml = readYaml(source);
    return "faults" in yaml ? yaml : accepted(readScheduleFile(yaml.data), yaml.faultsOf);
  },
  check: (fields) => accepted(readScheduleFields(fields), faultsOf),
  timing(fields: JsonObject): Timing | { readonly faults: readonly Fault[] } {
    const read = readTiming(fields);
    return "timing" in read ? read.timing : { faults: faultsOf(read.faults) };
  },
  preview(timing, asked) {
    if (zoneOf(asked.viewerZone) !== undefined) return previewFires(timing, asked);
    const message = `"${asked.viewerZone}" is no zone; expected an IANA name such as Europe/Zurich or UTC${nearestZone(asked.viewerZone)}`;
    throw new WindlassError("invalid", message, { faults: [{ path: "zone", message }] });
  },
  times: (timing, { from, to, limit }) => firesBetween(timing, { after: from - 1, until: to, limit }),
  input: (schedule, nominalAt) => fillInput(schedule, { nominalAt, dueAt: nominalAt }),
};

function accepted(
  read: ReadScheduleResult,
  faults: (findings: readonly ScheduleFinding[]) => readonly Fault[],
): ReadSchedule | { readonly faults: readonly Fault[] } {
  return "schedule" in read ? read.schedule : { faults: faults(read.findings) };
}

function faultsOf(findings: readonly ScheduleFinding[]): readonly Fault[] {
  return findings.map(({ path, message }) => ({ path: pathText(path), message }));
}
