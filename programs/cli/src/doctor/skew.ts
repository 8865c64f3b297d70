/**
 * By how much another clock differs from ours, told by one reading of it. It was read at some time between the question and
 * the answer, so only what lies outside of both is a difference: a slow answer is none. Pure.
 */
import { formatDuration } from "@windlass/kernel";
import type { ProgramAnswer } from "./answer-of.ts";
import type { Looked } from "./check.ts";

/** Start deadlines and schedules are about seconds. */
const SKEW_MS_MAX = 1_000;

export interface Reading {
  /** By our clock, in milliseconds. */
  readonly askedAt: number;
  readonly answeredAt: number;
  /** By theirs. */
  readonly theirs: number;
}

/** `whose`: "the server's". */
export function skewOf({ askedAt, answeredAt, theirs }: Reading, whose: string): Looked {
  const behind = theirs - answeredAt;
  const ahead = askedAt - theirs;
  const certain = Math.round(Math.max(behind, ahead));
  if (certain <= SKEW_MS_MAX) {
    const most = Math.round(Math.max(Math.abs(behind), Math.abs(ahead)));
    return { found: `the same as ${whose} but for ${formatDuration(most)} at most` };
  }
  return {
    status: "warning",
    found: `${formatDuration(certain)} ${behind > 0 ? "behind" : "ahead of"} ${whose}`,
    mend: "timedatectl set-ntp true",
  };
}

/**
 * What was found of a clock, with whether a time service keeps it right: on one machine there is no other clock that would tell.
 * `answer`: what systemd says of that, where there is one.
 */
export function withTimeService(looked: Looked, { text, failure }: ProgramAnswer): Looked {
  if (failure !== null || (text !== "yes" && text !== "no")) return looked;
  if (text === "yes") {
    const found = `kept right by a time service; ${looked.found}`;
    return looked.status === "missing" ? { found } : { ...looked, found };
  }
  if (looked.status === "warning") return looked;
  return { status: "warning", found: `no time service keeps it right; ${looked.found}`, mend: "timedatectl set-ntp true" };
}
