/**
 * Spans, for whoever traces. Where nobody does, `null` is in its place and nothing is made. Pure: who makes spans is handed in.
 *
 * A span is told by its traceparent alone (W3C Trace Context), so that a trace goes on in another process: what submitted a
 * job, what it waited for and each of its attempts are spans of one trace, wherever they are made.
 */
import type { HandlerEnd } from "./handler-end.ts";
import type { Result } from "./job.ts";
import { stateOf } from "./outcome.ts";

export interface Tracing {
  /** The traceparent of what is active where this is called, or null. */
  active(): string | null;
  begin(start: SpanStart): Span;
}

export type SpanKind = "internal" | "server" | "producer" | "consumer";
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanStart {
  readonly name: string;
  readonly kind: SpanKind;
  /** What it continues; null: what is active here, or a trace of its own. */
  readonly parent: string | null;
  /** Milliseconds since 1970; now when left out. */
  readonly startedAt?: number | undefined;
  readonly attributes: SpanAttributes;
}

export interface Span {
  readonly traceparent: string;
  /** Runs the work with this span active, also behind its awaits. */
  within<T>(work: () => T): T;
  /** Once. `failed` says why it counts as an error. */
  end(how?: { readonly at?: number | undefined; readonly failed?: string | null; readonly attributes?: SpanAttributes }): void;
}

/** The trace that something is part of: `00-<trace>-<span>-<flags>`. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/u;

/** What was sent, if it is one; a trace that cannot be read is none, and never a reason to refuse a request. */
export function readTraceparent(text: string | null | undefined): string | null {
  return typeof text === "string" && TRACEPARENT.test(text) ? text : null;
}

export function attemptAttributes(job: {
  readonly id: string;
  readonly name: string;
  readonly queue?: string;
  readonly attempt: number;
}): SpanAttributes {
  return {
    "messaging.system": "windlass",
    ...(job.queue === undefined ? {} : { "messaging.destination.name": job.queue }),
    "messaging.message.id": job.id,
    "windlass.job.name": job.name,
    "windlass.attempt": job.attempt,
  };
}

export function endAttemptSpan(span: Span, { outcome, reason, message }: Result, at?: number): void {
  const failed = stateOf(outcome) === "failed" ? (message ?? reason) : null;
  span.end({ at, failed, attributes: { "windlass.outcome": outcome, "windlass.reason": reason } });
}

/** The same for a handler: it may also have been put off, parked, given back or lost (null). */
export function endHandlerSpan(span: Span, end: HandlerEnd | null): void {
  if (end?.type === "settle") endAttemptSpan(span, end.result);
  else if (end === null || end.type === "lose") span.end({ failed: end?.message ?? "the job was lost" });
  else span.end({ attributes: { "windlass.outcome": end.type } });
}
