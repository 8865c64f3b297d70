/**
 * What one look at a log says of it: that all of it was read, that it is gone, or that it has to be looked at again. Pure.
 *
 * K1. A log is gone only when its pod is, by the API server's own word. Any other refusal may pass, and so may what a proxy says, or
 *     a node in the place of a log: one that is busy, or was started anew, does not find a container of which it has the log a moment later.
 * K2. All of a log was read by a look that began after its container had ended, and ended without a word of the node's own. The end
 *     of the stream alone says little: the API server ends it in good order, too, when its connection to the node breaks.
 * K3. So a look that does not show the line that it was to begin with says nothing; and that a log is empty is believed of the second
 *     look that says so, where the first was not over long before the container's end and showed no words either.
 */
import { isJsonObject, type Json } from "@windlass/kernel";

/** `doubtful`: it is looked at again for a while, and then given up; `why` is what the cluster said. `unsure`: once more, and soon. */
export type Said = { readonly is: "whole" | "gone" | "cut" | "again" | "unsure" } | { readonly is: "doubtful"; readonly why: string };

export interface Shown {
  /** It was asked for from a line on that was read before. */
  readonly isFromMark: boolean;
  readonly isEmpty: boolean;
  /** So was the last one, which was asked for all of the log, was over about when its container ended, and showed no words. */
  readonly wasEmpty: boolean;
  /** What the stream ended with that the container has not printed; null: nothing. */
  readonly words: string | null;
}

/** Of a container that had ended before, by a stream that was read to its end. */
export function saidByStream({ isFromMark, isEmpty, wasEmpty, words }: Shown): Said {
  if (words !== null) return { is: "doubtful", why: words };
  if (!isEmpty) return { is: "whole" };
  if (isFromMark) return { is: "again" };
  return { is: wasEmpty ? "whole" : "unsure" };
}

/** `body`: the beginning of the answer. */
export function saidByRefusal({
  status,
  body,
  hasEnded,
}: {
  readonly status: number;
  readonly body: string;
  readonly hasEnded: boolean;
}): Said {
  const { message, details } = refusalIn(body);
  // The API server names what it has not found. When it is the node that has not found it, the API server names the log; a proxy names nothing.
  const missing = isJsonObject(details) ? details["kind"] : undefined;
  if (status === 404 && (missing === "pods" || missing === "namespaces")) return { is: "gone" };
  // Before its end it waits to begin; and what else is refused says that the node does not answer, or that somebody has to mend a right.
  if (!hasEnded || (status !== 400 && status !== 404)) return { is: "cut" };
  return { is: "doubtful", why: typeof message === "string" && message !== "" ? message : body.trim() || `HTTP ${status}` };
}

function refusalIn(body: string): Readonly<Record<string, Json | undefined>> {
  try {
    const said: unknown = JSON.parse(body);
    return isJsonObject(said) ? said : {};
  } catch {
    // A proxy answers in its place.
    return {};
  }
}
