/** How many jobs wait in a queue: with a plus where there may be more than are counted. */
import type { QueueJson } from "@windlass/contract";
import { QUEUED_COUNTED_MAX } from "@windlass/kernel";

export function queuedText({ queued }: Pick<QueueJson, "queued">): string {
  return queued < QUEUED_COUNTED_MAX ? String(queued) : `${QUEUED_COUNTED_MAX}+`;
}
