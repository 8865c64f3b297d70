/** What the API server says when it refuses: its `Status` object, read carefully, for a proxy may answer in its place. Pure. */
import { WindlassError } from "@windlass/kernel";
import type { ClusterAnswer } from "./cluster-client.ts";

export interface Refusal {
  readonly status: number;
  /** `AlreadyExists`, `Invalid`, `Forbidden`, …; empty when none is given. */
  readonly reason: string;
  readonly message: string;
  /** Fields of what was sent, with what is wrong with each. */
  readonly causes: readonly { readonly field: string; readonly message: string }[];
  readonly retryAfterMs: number | null;
}

export function isAccepted({ status }: Pick<ClusterAnswer, "status">): boolean {
  return status >= 200 && status < 300;
}

export function refusalOf({ status, headers, body }: ClusterAnswer): Refusal {
  const said = (typeof body === "object" && body !== null ? body : {}) as Said;
  const text = typeof body === "string" ? body.trim().slice(0, 500) : "";
  const seconds = Number(headers["retry-after"] ?? said.details?.retryAfterSeconds ?? Number.NaN);
  return {
    status,
    reason: said.reason ?? "",
    message: said.message ?? (text === "" ? `HTTP ${status}` : text),
    causes: (said.details?.causes ?? []).map(({ field = "", message = "" }) => ({ field, message })),
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : null,
  };
}

interface Said {
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly field?: string; readonly message?: string }[];
  };
}

/** For a call that may succeed another time. */
export function unavailable(answer: ClusterAnswer): WindlassError {
  const { status, message } = refusalOf(answer);
  return new WindlassError("unavailable", `the cluster answered ${status}: ${message}`);
}
