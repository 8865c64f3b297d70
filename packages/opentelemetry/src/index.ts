/**
 * Tracing on the API of OpenTelemetry. It makes no exporter and no sampler: those belong to the SDK that the program has
 * registered; without one there is nothing to trace with.
 */
import {
  context as activeContext,
  createTraceState,
  isSpanContextValid,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type SpanContext,
  type Tracer,
} from "@opentelemetry/api";
import type { Span, SpanStart, Tracing } from "@windlass/kernel";

/** Null when no SDK is registered: the engine then makes nothing at all. Asked once, after the SDK was started. */
export function openTelemetryTracing(): Tracing | null {
  const tracer = trace.getTracer("windlass");
  // Without an SDK every span is the same, of no trace.
  if (!isSpanContextValid(tracer.startSpan("probe", { root: true }).spanContext())) return null;
  return {
    active: activeTraceparent,
    begin: (start) => begin(tracer, start),
  };
}

/** The traceparent of what is active here, for requests that are sent; null when nothing is, or nobody traces. */
export function activeTraceparent(): string | null {
  const span = trace.getSpanContext(activeContext.active());
  return span !== undefined && isSpanContextValid(span) ? traceparentOf(span) : null;
}

const KINDS: Readonly<Record<SpanStart["kind"], SpanKind>> = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

function begin(tracer: Tracer, { name, kind, parent, startedAt, attributes }: SpanStart): Span {
  const under = parent === null ? activeContext.active() : contextOf(parent);
  const span = tracer.startSpan(
    name,
    { kind: KINDS[kind], attributes: { ...attributes }, ...(startedAt === undefined ? {} : { startTime: startedAt }) },
    under,
  );
  return {
    traceparent: traceparentOf(span.spanContext()),
    within: (work) => activeContext.with(trace.setSpan(under, span), work),
    end({ at, failed = null, attributes: more = {} } = {}) {
      span.setAttributes({ ...more });
      if (failed !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: failed });
      span.end(at);
    },
  };
}

/** A parent in another process, or of an earlier time; read as it was checked when it came in. */
function contextOf(traceparent: string): Context {
  const [, traceId = "", spanId = "", flags = "00"] = traceparent.split("-");
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED;
  return trace.setSpanContext(activeContext.active(), { traceId, spanId, traceFlags, isRemote: true, traceState: createTraceState() });
}

function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, "0")}`;
}
