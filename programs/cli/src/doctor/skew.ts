/**
 * By how much another clock differs from ours, told by one reading of it. It was read at some time between the question and
 * the answer, so only what lies outside of both is a difference: a slow answer is none. Pure.
 */
import { formatDuration } from "@windlass/kernel";
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
