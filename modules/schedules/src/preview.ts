/** The next fires of a timing, in its own zone and in the one of whoever looks. */
import type { Timing } from "@windlass/kernel";
import { wallText } from "./local-time.ts";
import { nextFire } from "./timing.ts";
import { zoneOf } from "./zone.ts";

export interface PreviewedFire {
  readonly at: number;
  /** With the offset of that moment: `2024-03-10T03:30:00-04:00`. */
  readonly local: string;
  readonly viewed: string;
}

export function previewFires(
  timing: Timing,
  asked: { readonly after: number; readonly count: number; readonly viewerZone: string },
): readonly PreviewedFire[] {
  const [zone, viewer] = [zoneOf(timing.timezone), zoneOf(asked.viewerZone)];
  if (zone === undefined || viewer === undefined) return [];
  const fires: PreviewedFire[] = [];
  for (let at = nextFire(timing, asked.after); at !== null && fires.length < asked.count; at = nextFire(timing, at))
    fires.push({ at, local: wallText(at, zone), viewed: wallText(at, viewer) });
  return fires;
}
