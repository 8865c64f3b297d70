/**
 * `{{ schedule.nominal_time }}` in the input of a schedule. Only what a schedule knows can be named; what a workflow computes, it
 * computes in its own steps. A text that is one whole `{{ }}` is the value itself.
 */
import { didYouMean, WindlassError, type Fault, type Json, type Schedule } from "@windlass/kernel";
import { wallText } from "./local-time.ts";
import { zoneOf } from "./zone.ts";

export interface FilledFor {
  readonly nominalAt: number;
  /** When it was to start: the nominal time, and the delay of its jitter. */
  readonly dueAt: number;
}

/** Schedules that share an input are asked for once. */
const asked = new WeakMap<object, boolean>();

function hasPlaces(input: Json): boolean {
  if (input === null || typeof input !== "object") return typeof input === "string" && input.includes("{{");
  let has = asked.get(input);
  if (has === undefined) asked.set(input, (has = JSON.stringify(input).includes("{{")));
  return has;
}

/** What an input came to last, where nothing in it differs between schedules that have it in common and are due at once. */
interface Filled extends FilledFor {
  readonly timezone: string;
  readonly value: Json;
}

const filledLast = new WeakMap<object, Filled>();

/** Made when it is asked for: most inputs name one of them. */
type Values = Readonly<Record<string, () => string>>;

type FilledOf = Pick<Schedule, "id" | "name" | "timing" | "input">;

/**
 * Schedules that are due at once and share an input get the same value, unless it names one of them: so it is frozen.
 * Throws `invalid` with everything that cannot be filled in.
 */
export function fillInput(schedule: FilledOf, times: FilledFor): Json {
  const { input, timing } = schedule;
  if (!hasPlaces(input)) return input;
  if (input === null || typeof input !== "object") return filledOf(schedule, times).value;
  const { timezone } = timing;
  const last = filledLast.get(input);
  if (last?.nominalAt === times.nominalAt && last.dueAt === times.dueAt && last.timezone === timezone) return last.value;
  const { value, isOwn } = filledOf(schedule, times);
  if (!isOwn) filledLast.set(input, { nominalAt: times.nominalAt, dueAt: times.dueAt, timezone, value });
  return value;
}

/** `isOwn`: it names the schedule. */
function filledOf(schedule: FilledOf, times: FilledFor): { readonly value: Json; readonly isOwn: boolean } {
  let isOwn = false;
  const values = valuesOf(schedule, { ...times, onOwn: () => (isOwn = true) });
  const faults: Fault[] = [];
  const filled = fill(schedule.input, { values, faults, path: "input" });
  if (faults.length === 0) return { value: filled, isOwn };
  throw new WindlassError("invalid", `the input cannot be made: ${faults.map(({ path, message }) => `${path}: ${message}`).join("; ")}`, {
    faults,
  });
}

function valuesOf({ id, name, timing }: FilledOf, { nominalAt, dueAt, onOwn }: FilledFor & { readonly onOwn: () => void }): Values {
  const own = (text: string): string => {
    onOwn();
    return text;
  };
  const local = (): string => {
    const zone = zoneOf(timing.timezone);
    return zone === undefined ? new Date(nominalAt).toISOString() : wallText(nominalAt, zone);
  };
  return {
    "schedule.id": () => own(id),
    "schedule.name": () => own(name),
    "schedule.timezone": () => timing.timezone,
    "schedule.nominal_time": () => new Date(nominalAt).toISOString(),
    "schedule.nominal_local_time": local,
    "schedule.nominal_date": () => local().slice(0, 10),
    "schedule.due_time": () => new Date(dueAt).toISOString(),
  };
}

interface Filling {
  readonly values: Values;
  readonly faults: Fault[];
  readonly path: string;
}

const PLACE = /\{\{([^{}]*)\}\}/gu;

function fill(value: Json, filling: Filling): Json {
  const { values, faults, path } = filling;
  if (typeof value === "string") {
    if (!value.includes("{{")) return value;
    return value.replaceAll(PLACE, (_, inside: string) => {
      const name = inside.trim();
      const known = Object.hasOwn(values, name) ? values[name] : undefined;
      if (known !== undefined) return known();
      const near = didYouMean(name, Object.keys(values));
      faults.push({ path, message: `{{${inside}}} is not known here${near}; known: ${Object.keys(values).join(", ")}` });
      return "";
    });
  }
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return Object.freeze(value.map((item, i) => fill(item, { ...filling, path: `${path}[${i}]` })));
  return Object.freeze(
    Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, { ...filling, path: `${path}.${key}` })])),
  );
}
