/**
 * The headers that every answer has: a request id, and what keeps browsers from guessing. JSON answers are made with them,
 * as one plain object, for changing the headers of an answer later costs as much as making it; all others get them at the end.
 */
import type { RequestContext } from "./mount.ts";

const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
} as const;

/** An answer that has them from the beginning. */
export function wholeAnswer(
  c: RequestContext,
  body: string | null,
  init: { readonly status: number; readonly headers: Record<string, string> },
): Response {
  const answer = new Response(body, { status: init.status, headers: { ...headersOf(c), ...init.headers } });
  c.set("wholeAnswer", answer);
  return answer;
}

/** Adds them to any other. */
export function addHeaders(c: RequestContext): void {
  if (c.res === c.get("wholeAnswer")) return;
  for (const [name, value] of Object.entries(headersOf(c))) c.res.headers.set(name, value);
}

function headersOf(c: RequestContext): Record<string, string> {
  return { "x-request-id": c.get("requestId"), ...SECURITY_HEADERS, ...c.get("rateHeaders"), ...c.get("ownHeaders") };
}
