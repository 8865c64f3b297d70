/**
 * The headers that every answer has: a request id, and what keeps browsers from guessing. JSON answers are made with them,
 * as one plain object, for changing the headers of an answer later costs as much as making it; all others get them at the end.
 */
import type { Noted, PlainAnswer } from "./asked-call.ts";
import type { RequestContext } from "./mount.ts";

const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
} as const;

/** All of a plain answer. */
export function headersOf(noted: Noted, { headers }: PlainAnswer): Readonly<Record<string, string>> {
  return { ...commonHeaders(noted), ...headers };
}

/** An answer that has them from the beginning. */
export function plainResponse(c: RequestContext, plain: PlainAnswer): Response {
  const answer = new Response(plain.text, { status: plain.status, headers: headersOf(c.get("noted"), plain) });
  c.set("wholeAnswer", answer);
  return answer;
}

/** Adds them to any other. */
export function addHeaders(c: RequestContext): void {
  if (c.res === c.get("wholeAnswer")) return;
  for (const [name, value] of Object.entries(commonHeaders(c.get("noted")))) c.res.headers.set(name, value);
}

function commonHeaders({ requestId, rateHeaders, ownHeaders }: Noted): Record<string, string> {
  return { "x-request-id": requestId, ...SECURITY_HEADERS, ...rateHeaders, ...ownHeaders };
}
