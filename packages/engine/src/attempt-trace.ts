/**
 * The spans of a job: its submit, each wait in its queue, each attempt. Waits and attempts have the times that are stored,
 * and all continue the trace that submitted the job, so that retries and other processes go on in it.
 *
 * Without a tracer nothing is made, and what is handed on is the trace that the job came with.
 */
import { attemptAttributes, messageOf, type JobRecord, type LiveJob, type Span } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";
import type { SubmitRequest } from "./submit.ts";

type Tracer = Pick<EngineContext, "tracing">;
type Claimed = { readonly record: JobRecord; readonly live: LiveJob };

/** Submits within a span; what is submitted continues it. */
export async function tracedSubmit<T>(
  { tracing }: Tracer,
  requests: readonly SubmitRequest[],
  work: (requests: readonly SubmitRequest[]) => Promise<T>,
): Promise<T> {
  const [first] = requests;
  if (tracing === null || first === undefined) return work(requests);
  const span = tracing.begin({
    name: requests.length === 1 ? `submit ${first.name}` : `submit ${requests.length} jobs`,
    kind: "producer",
    // A span that is active here continues what was sent with the request.
    parent: tracing.active() === null ? (first.traceparent ?? null) : null,
    attributes: { "messaging.system": "windlass", "messaging.batch.message_count": requests.length },
  });
  try {
    const result = await span.within(() => work(requests.map((request) => ({ ...request, traceparent: span.traceparent }))));
    span.end();
    return result;
  } catch (error) {
    span.end({ failed: messageOf(error) });
    throw error;
  }
}

/** The span of the wait that has just ended, made and ended at once. Returns what the attempt is to continue. */
export function traceWait({ tracing }: Tracer, { record, live }: Claimed): string | null {
  // An attempt that was resumed waited in its queue before it began.
  if (tracing === null || live.resumed) return record.traceparent;
  const wait = tracing.begin({
    name: `wait in ${live.queue}`,
    kind: "internal",
    parent: record.traceparent,
    startedAt: live.readyAt ?? record.createdAt,
    attributes: attemptAttributes(live),
  });
  wait.end({ at: live.attemptStartedAt ?? undefined });
  return wait.traceparent;
}

/** The span of an attempt that has just begun; null when nobody traces. */
export function beginAttempt(context: Tracer, claimed: Claimed): Span | null {
  const { tracing } = context;
  if (tracing === null) return null;
  const { live } = claimed;
  return tracing.begin({
    name: `run ${live.name}`,
    kind: "consumer",
    parent: traceWait(context, claimed),
    startedAt: live.attemptStartedAt ?? undefined,
    attributes: attemptAttributes(live),
  });
}
