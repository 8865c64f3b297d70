/**
 * Zones: what a clock on the wall shows at an instant, as stretches of time with one offset from UTC each. The rules of
 * the zones are those of Intl; it is asked once for each year of a zone, since it is slow.
 *
 * Z1. A daily time that does not exist comes at the instant at which it would have: with the offset from before the gap.
 * Z2. A daily time that exists twice comes once, the first time.
 * Z3. An hourly expression comes on each real hour: what is shown on the wall decides, and nothing else.
 */
import { didYouMean } from "@windlass/kernel";

/** From `start` to before `end` the wall shows the instant plus `offset`, all in ms. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  /** Z1: after a gap, for as long as it was wide: the offset with which daily times that were left out come now. */
  readonly missingOffset: number | null;
  /** Z2: what the wall shows has been shown before, so daily times have come. */
  readonly isRepeat: boolean;
}

export class Zone {
  readonly name: string;
  #format: Intl.DateTimeFormat | undefined;
  readonly #years = new Map<number, readonly Stretch[]>();

  constructor(name: string) {
    this.name = name;
  }

  /** The stretch around an instant. They are cut at the turn of a year of UTC. */
  stretchAt(instant: number): Stretch {
    const year = new Date(instant).getUTCFullYear();
    let stretches = this.#years.get(year);
    if (stretches === undefined) {
      if (this.#years.size >= YEARS_KEPT_MAX) this.#years.clear();
      this.#years.set(year, (stretches = this.#stretchesOf(year)));
    }
    for (const stretch of stretches) if (instant < stretch.end) return stretch;
    throw new RangeError(`${instant} is outside of the years that have dates`);
  }

  offsetAt(instant: number): number {
    return this.stretchAt(instant).offset;
  }

  /** The instant of a wall time by Z1 and Z2; `wall` is that time as if it were UTC. */
  instantOf(wall: number): number {
    // No zone is further from UTC than a day, and none changes its offset twice within three.
    const before = this.offsetAt(wall - DAY_MS);
    const after = this.offsetAt(wall + DAY_MS);
    const instants = [wall - before, wall - after].filter((instant) => this.offsetAt(instant) === wall - instant);
    return instants.length === 0 ? wall - before : Math.min(...instants);
  }

  #stretchesOf(year: number): readonly Stretch[] {
    const [start, end] = [Date.UTC(year), Date.UTC(year + 1)];
    // Most schedules are in it, and to ask is milliseconds just when they are due.
    if (this.name === "UTC") return [{ start, end, offset: 0, missingOffset: null, isRepeat: false }];
    const stretches: Stretch[] = [];
    let at = start - LEAD_MS;
    let offset = this.#askOffset(at);
    const add = (from: number, to: number, rest: Omit<Stretch, "start" | "end">) => {
      if (Math.max(from, start) < Math.min(to, end)) stretches.push({ start: Math.max(from, start), end: Math.min(to, end), ...rest });
    };
    let special: Stretch | undefined;
    for (;;) {
      const change = this.#changeAfter(at, end, offset);
      const from = special?.end ?? at;
      if (special !== undefined) add(special.start, special.end, special);
      add(from, change ?? end, { offset, missingOffset: null, isRepeat: false });
      if (change === undefined) return stretches;
      const offsetAfter = this.#askOffset(change);
      const width = Math.abs(offsetAfter - offset);
      const isRepeat = offsetAfter < offset;
      special = { start: change, end: change + width, offset: offsetAfter, missingOffset: isRepeat ? null : offset, isRepeat };
      [at, offset] = [change, offsetAfter];
    }
  }

  /** The first instant after `from` with another offset, to the second. */
  #changeAfter(from: number, end: number, offset: number): number | undefined {
    for (let low = from; low < end;) {
      let high = Math.min(low + LOOK_MS, end);
      if (this.#askOffset(high) !== offset) {
        while (high - low > SECOND_MS) {
          const middle = low + Math.floor((high - low) / 2 / SECOND_MS) * SECOND_MS;
          if (this.#askOffset(middle) === offset) low = middle;
          else high = middle;
        }
        return high < end ? high : undefined;
      }
      low = high;
    }
    return undefined;
  }

  /** `instant` is a whole second. */
  #askOffset(instant: number): number {
    this.#format ??= new Intl.DateTimeFormat("en-US", { timeZone: this.name, ...WALL });
    const [month = 1, day = 1, year = 0, hour = 0, minute = 0, second = 0] = (this.#format.format(instant).match(/\d+/gu) ?? []).map(
      Number,
    );
    return Date.UTC(year, month - 1, day, hour, minute, second) - instant;
  }
}

const SECOND_MS = 1000;
const DAY_MS = 86_400_000;
/** No zone has ever changed its offset twice within a week, so a look at each week sees every change. */
const LOOK_MS = 7 * DAY_MS;
/** Before the year: a change shortly before its turn is still felt in it. */
const LEAD_MS = 2 * DAY_MS;
/** A schedule looks ahead a few years at most; who previews far away makes them anew. */
const YEARS_KEPT_MAX = 100;

const WALL: Intl.DateTimeFormatOptions = {
  calendar: "gregory",
  numberingSystem: "latn",
  hourCycle: "h23",
  year: "numeric",
  month: "numeric",
  day: "numeric",
  hour: "numeric",
  minute: "numeric",
  second: "numeric",
};

const zones = new Map<string, Zone>();

/** The zone of an IANA name, as it is written there; undefined: there is none. There are some hundred, so all are kept. */
export function zoneOf(name: string): Zone | undefined {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const written = nameOf(name);
  if (written === undefined) return undefined;
  const zone = zones.get(written) ?? new Zone(written);
  zones.set(written, zone);
  return zone;
}

/** What a name that is none could mean. */
export function nearestZone(name: string): string {
  const names = [...allNames(), "UTC"];
  const city = name.toLowerCase().replaceAll(" ", "_");
  const ofCity = names.filter((each) => each.toLowerCase().endsWith(`/${city}`));
  return ofCity.length > 0 ? `; did you mean "${ofCity[0]}"?` : didYouMean(name, names);
}

/** Offsets such as `+02:00` are known to Intl but are no zones: they have no summer. */
function nameOf(name: string): string | undefined {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{1,60}$/u.test(name)) return undefined;
  const lower = name.toLowerCase();
  if (lower === "utc") return "UTC";
  const listed = allNames().find((each) => each.toLowerCase() === lower);
  if (listed !== undefined) return listed;
  try {
    return Intl.DateTimeFormat("en-US", { timeZone: name }) && name;
  } catch {
    return undefined;
  }
}

let listed: readonly string[] | undefined;

function allNames(): readonly string[] {
  return (listed ??= Intl.supportedValuesOf("timeZone"));
}
