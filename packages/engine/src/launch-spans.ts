/**
 * The spans of attempts that run out of band, from the launch to the fact that they ended. They are kept in memory only: an
 * attempt that outlives its launcher gets its span at its end, with the times that its executor tells.
 */
import { attemptAttributes, endAttemptSpan, type Result, type Span } from "@windlass/kernel";
import type { ClaimedJob } from "@windlass/ports";
import { beginAttempt } from "./attempt-trace.ts";
import type { EngineContext } from "./context.ts";

export interface LaunchSpans {
  /** Returns the traceparent for what is launched: of its span, or of the job. */
  begin(job: ClaimedJob): string | null;
  /** Called once the end is stored. */
  end(ended: {
    readonly name: string;
    readonly jobId: string;
    readonly attempt: number;
    readonly result: Result;
    readonly startedAt?: number;
    readonly endedAt?: number;
  }): void;
}

export function launchSpans(context: EngineContext): LaunchSpans {
  const { tracing } = context;
  if (tracing === null) return { begin: ({ record }) => record.traceparent, end: () => {} };
  /** By the name of the attempt. */
  const spans = new Map<string, Span>();
  const late = async (jobId: string, attempt: number, startedAt?: number): Promise<Span | null> => {
    const [record] = await context.store.jobs.records([jobId]);
    if (record === undefined) return null;
    return tracing.begin({
      name: `run ${record.name}`,
      kind: "consumer",
      parent: record.traceparent,
      startedAt,
      attributes: attemptAttributes({ ...record, attempt }),
    });
  };
  return {
    begin(job) {
      const span = spans.get(job.live.externalName ?? "") ?? beginAttempt(context, job);
      if (span !== null) spans.set(job.live.externalName ?? "", span);
      return span?.traceparent ?? job.record.traceparent;
    },
    end({ name, jobId, attempt, result, startedAt, endedAt }) {
      const span = spans.get(name);
      spans.delete(name);
      if (span !== undefined) return endAttemptSpan(span, result, endedAt);
      void late(jobId, attempt, startedAt).then(
        (made) => made !== null && endAttemptSpan(made, result, endedAt),
        (error: unknown) => context.logger.debug("an attempt could not be traced", { job: jobId, error: String(error) }),
      );
    },
  };
}
