/**
 * Pages of other origins may call the API only if their exact origin is named in `server.corsOrigins`. Nobody is named by
 * default. Credentials of the browser are never allowed: a call carries its token in a header, which no other page has.
 */
import { WindlassError } from "@windlass/kernel";
import type { MiddlewareHandler } from "hono";

const ALLOWED_METHODS = "GET, POST, PUT, DELETE";
const ALLOWED_HEADERS =
  "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, windlass-workspace, x-request-id";
const EXPOSED_HEADERS = "etag, idempotency-replayed, ratelimit-limit, ratelimit-remaining, ratelimit-reset, retry-after, x-request-id";
/** How long a browser may rely on the answer to its question. */
const MAX_AGE_SECONDS = 600;

/** `https://a.example, https://b.example` as a list. Throws `invalid` for what is no origin: a path, a pattern, `*`. */
export function originsFrom(text: string): readonly string[] {
  const origins = text.split(/[\s,]+/u).filter((origin) => origin !== "");
  for (const origin of origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new WindlassError(
        "invalid",
        `server.corsOrigins has "${origin}"; an origin is written like https://jobs.example.org, without a path`,
        {
          faults: [{ path: "server.corsOrigins", message: `"${origin}" is not an origin` }],
        },
      );
  }
  return origins;
}

export function cors(origins: readonly string[]): MiddlewareHandler {
  const known = new Set(origins);
  return async (c, next) => {
    const origin = c.req.header("origin");
    if (origin === undefined) return next();
    const allowed = known.has(origin);
    const asks = c.req.method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined;
    if (asks && allowed) {
      c.res = new Response(null, {
        status: 204,
        headers: {
          "access-control-allow-methods": ALLOWED_METHODS,
          "access-control-allow-headers": ALLOWED_HEADERS,
          "access-control-max-age": String(MAX_AGE_SECONDS),
        },
      });
    } else await next();
    // Also what is not allowed differs by origin: a cache in between must not mix them up.
    c.res.headers.append("vary", "origin");
    if (!allowed) return;
    c.res.headers.set("access-control-allow-origin", origin);
    c.res.headers.set("access-control-expose-headers", EXPOSED_HEADERS);
  };
}
