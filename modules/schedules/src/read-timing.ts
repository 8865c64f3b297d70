/**
 * When a schedule fires, as people write it, into what is stored; or everything that is wrong with it, each fault with
 * the field where it is, and in an expression with its character.
 */
import { parseDuration, type Duration, type Timing } from "@windlass/kernel";
import { faultText, parseCron } from "./cron.ts";
import { readDay, readInstant } from "./local-time.ts";
import { CRONS_MAX, EXCLUDED_CRONS_MAX, nextFire } from "./timing.ts";
import { nearestZone, zoneOf, type Zone } from "./zone.ts";

/** As it stands in a file or in a request; anything may be wrong in it. */
export interface WrittenTiming {
  readonly cron?: unknown;
  readonly every?: unknown;
  readonly anchor?: unknown;
  readonly timezone?: unknown;
  readonly jitter?: unknown;
  readonly starts?: unknown;
  readonly ends?: unknown;
  readonly exclude?: unknown;
}

export interface TimingFault {
  /** `cron`, `exclude[2]`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export const TIMING_FIELDS = [
  "cron",
  "every",
  "anchor",
  "timezone",
  "jitter",
  "starts",
  "ends",
  "exclude",
] as const satisfies readonly (keyof WrittenTiming)[];

/** Finer than the cron with seconds is nothing that a job can be started for. */
const EVERY_MS_MIN = 1000;
/** A year: what is rarer has a date, and so an expression. */
const EVERY_MS_MAX = 366 * 86_400_000;
/** A fire that may be a day late has lost its time. */
const JITTER_MS_MAX = 86_400_000;
/** Ten years of holidays. */
const EXCLUDED_MAX = 400;

export function readTiming(written: WrittenTiming): { readonly timing: Timing } | { readonly faults: readonly TimingFault[] } {
  const reader = new Reader(written);
  const timing = reader.read();
  if (reader.faults.length > 0) return { faults: reader.faults };
  if (nextFire({ ...timing, endsAt: null }, (timing.startsAt ?? 0) - 1) === null)
    return { faults: [{ path: ["exclude"], message: "it leaves out every time at which this would fire" }] };
  return { timing };
}

class Reader {
  readonly faults: TimingFault[] = [];
  readonly #written: WrittenTiming;

  constructor(written: WrittenTiming) {
    this.#written = written;
  }

  read(): Timing {
    const zone = this.#zone();
    const cron = this.#texts("cron", CRONS_MAX).filter((text) => this.#checkCron(text.path, text.value));
    const everyMs = this.#duration("every", EVERY_MS_MIN, EVERY_MS_MAX);
    this.#checkChoice();
    const startsAt = this.#instant("starts", zone);
    const endsAt = this.#instant("ends", zone);
    if (startsAt !== null && endsAt !== null && endsAt <= startsAt) this.#fault(["ends"], "it ends before it starts, so it never fires");
    const anchor = this.#instant("anchor", zone) ?? startsAt ?? 0;
    if (this.#written.anchor !== undefined && this.#written.every === undefined)
      this.#fault(["anchor"], 'only "every" counts from an anchor');
    return {
      cron: cron.map((text) => text.value),
      everyMs,
      anchor,
      timezone: zone.name,
      jitterMs: this.#duration("jitter", 0, JITTER_MS_MAX) ?? 0,
      startsAt,
      endsAt,
      exclude: this.#excluded(),
    };
  }

  #zone(): Zone {
    const name = this.#written.timezone ?? "UTC";
    const zone = typeof name === "string" ? zoneOf(name) : undefined;
    if (zone !== undefined) return zone;
    const hint = typeof name === "string" ? nearestZone(name) : "";
    this.#fault(["timezone"], `${JSON.stringify(name)} is no zone; expected an IANA name such as Europe/Zurich or UTC${hint}`);
    return UTC;
  }

  #checkChoice(): void {
    const { cron, every } = this.#written;
    if (cron === undefined && every === undefined) this.#fault([], 'it does not say when; write "cron" or "every"');
    if (cron !== undefined && every !== undefined) this.#fault(["every"], '"cron" is there, too; write one of them');
  }

  #checkCron(path: TimingFault["path"], text: string): boolean {
    const read = parseCron(text);
    if ("cron" in read) return true;
    for (const fault of read.faults) this.#fault(path, faultText(fault));
    return false;
  }

  #excluded(): readonly string[] {
    const texts = this.#texts("exclude", EXCLUDED_MAX);
    let crons = 0;
    for (const { path, value } of texts) {
      if (/^\d{4}-/u.test(value)) {
        if (readDay(value) === undefined || !isInYears(value))
          this.#fault(path, `"${value}" is no date; expected is YYYY-MM-DD, of a year from ${YEAR_MIN} to ${YEAR_MAX}`);
      } else if (this.#checkCron(path, value) && ++crons === EXCLUDED_CRONS_MAX + 1)
        this.#fault(path, `at most ${EXCLUDED_CRONS_MAX} expressions are left out; dates may be more`);
    }
    return texts.map((text) => text.value);
  }

  /** A text or a list of them. */
  #texts(field: "cron" | "exclude", max: number): readonly { readonly path: TimingFault["path"]; readonly value: string }[] {
    const written = this.#written[field];
    if (written === undefined) return [];
    const list: readonly unknown[] = Array.isArray(written) ? written : [written];
    if (list.length > max) this.#fault([field], `it has ${list.length}; at most ${max} are allowed`);
    if (list.length === 0 && field === "cron") this.#fault([field], "it is empty; expected is an expression");
    return list.slice(0, max).flatMap((value, index) => {
      const path = Array.isArray(written) ? [field, index] : [field];
      if (typeof value === "string") return [{ path, value: value.trim() }];
      this.#fault(path, `expected text, found ${JSON.stringify(value) ?? typeof value}; put it in quotes`);
      return [];
    });
  }

  #duration(field: "every" | "jitter", min: number, max: number): Duration | null {
    const written = this.#written[field];
    if (written === undefined) return null;
    const read = typeof written === "string" || typeof written === "number" ? parseDuration(written) : undefined;
    if (read === undefined)
      this.#fault(
        [field],
        `${JSON.stringify(written)} is no duration; expected something like 20m, 1h30m or 45s${typeof written === "string" ? didYouMeanUnit(written) : ""}`,
      );
    else if (read < min) this.#fault([field], `${JSON.stringify(written)} is too short; the shortest is ${min / 1000}s`);
    else if (read > max) this.#fault([field], `${JSON.stringify(written)} is too long; the longest is ${max / 86_400_000}d`);
    else return read;
    return null;
  }

  #instant(field: "starts" | "ends" | "anchor", zone: Zone): number | null {
    const written = this.#written[field];
    if (written === undefined || written === null) return null;
    if (typeof written === "string" && WITH_YEAR.test(written) && !isInYears(written)) {
      this.#fault([field], `${JSON.stringify(written)} is too far away; expected is a year from ${YEAR_MIN} to ${YEAR_MAX}`);
      return null;
    }
    const read = typeof written === "string" ? readInstant(written, zone, { dayEnd: field === "ends" }) : undefined;
    if (read === undefined)
      this.#fault(
        [field],
        `${JSON.stringify(written)} is no time; expected 2026-12-25, 2026-12-25T08:00 (in the zone of the schedule), or with an offset 2026-12-25T08:00Z`,
      );
    return read ?? null;
  }

  #fault(path: TimingFault["path"], message: string): void {
    this.faults.push({ path, message });
  }
}

/** Zones have calendars from then on, and times four digits for their year until then, also a day later. */
const [YEAR_MIN, YEAR_MAX] = [1970, 9998];
const WITH_YEAR = /^\s*\d{4}-/u;

function isInYears(text: string): boolean {
  const year = Number(text.trim().slice(0, 4));
  return year >= YEAR_MIN && year <= YEAR_MAX;
}

const UTC = zoneOf("UTC") as Zone;

/** `20min`, `2 hours`: people write units out. */
function didYouMeanUnit(text: string): string {
  const [, number, unit = ""] = /^(\d+)\s*([a-z]+)$/iu.exec(text.trim()) ?? [];
  const short = unit.toLowerCase() === "ms" ? "ms" : (/^[smhd]/u.exec(unit.toLowerCase())?.[0] ?? "");
  return number === undefined || short === "" ? "" : `; did you mean "${number}${short}"?`;
}
