/** Makes the change that tells a job to end. */
import { DEFAULT_GRACE_MS, type Change, type Reason, type StopFor } from "@windlass/kernel";

export interface StopRequest {
  readonly reason: Reason;
  readonly message: string | null;
  readonly by: string;
  readonly stopFor?: StopFor;
  readonly graceMs?: number;
  readonly attempt?: number;
  readonly unbegun?: readonly string[];
}

export function stopOf(id: string, request: StopRequest): Change {
  return { type: "stop", id, stopFor: "cancelled", graceMs: DEFAULT_GRACE_MS, ...request };
}
