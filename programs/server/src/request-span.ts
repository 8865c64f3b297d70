/** The span of a request to the API, which continues the caller's trace. None for health, metrics and the reference. */
import { API } from "@windlass/contract";
import { readTraceparent, type Span, type Tracing } from "@windlass/kernel";

export interface TracedRequest {
  readonly method: string;
  readonly path: string;
  header(name: string): string | undefined;
}

/** Null when nobody traces. */
export function requestSpan(tracing: Tracing | null, request: TracedRequest): Span | null {
  const { method, path } = request;
  if (tracing === null || !path.startsWith(API)) return null;
  return tracing.begin({
    // Not the path: it has ids in it, and a span's name is to be one of few.
    name: method,
    kind: "server",
    parent: readTraceparent(request.header("traceparent")),
    attributes: { "http.request.method": method, "url.path": path },
  });
}

export function endRequestSpan(span: Span, { operation, status }: { readonly operation: string; readonly status: number }): void {
  span.end({
    failed: status >= 500 ? `status ${status}` : null,
    attributes: { "http.response.status_code": status, "windlass.operation": operation },
  });
}
