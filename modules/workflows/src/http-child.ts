/** Renders a step that calls an address: the request is the input of its job, which a server carries out itself. */
import { NO_RETRY, wholeSeconds, type Json, type JsonObject, type RetryPolicy } from "@windlass/kernel";
import { retryPolicyOf } from "./read-retry.ts";
import { render, textOf, type Evaluate } from "./template.ts";
import { HTTP_TIMEOUT_SECONDS, type HttpTool, type RetrySpec } from "./workflow.ts";

/** Too many requests, and what says that somebody on the way was not there. */
const RETRY_STATUS = [429, 502, 503, 504];
/** Repeating them changes nothing more (RFC 9110, 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "PUT", "DELETE"]);

type Rendered = { readonly input: JsonObject } | { readonly message: string };

export function renderHttp(tool: HttpTool, evaluate: Evaluate): Rendered {
  const { url, headers = {}, json = null, body = null, auth = null } = tool;
  const rendered = render({ url, headers, json, body, auth }, evaluate);
  if (!rendered.ok) return { message: rendered.message };
  const value = rendered.value as { url: Json; headers: Record<string, Json>; json: Json; body: Json; auth: Json };
  const hasJson = tool.json !== undefined;
  const given = Object.fromEntries(Object.entries(value.headers).map(([name, text]) => [name.toLowerCase(), textOf(text)]));
  return {
    input: {
      method: methodOf(tool),
      url: textOf(value.url),
      headers: hasJson ? { "content-type": "application/json", ...given } : given,
      body: hasJson ? JSON.stringify(value.json) : value.body === null ? null : textOf(value.body),
      auth: value.auth === null ? null : textOf(value.auth),
      expected: tool.expectedStatus ?? null,
      retryStatus: tool.retryStatus ?? RETRY_STATUS,
      ...(tool.responseBytesMax === undefined ? {} : { bytesMax: tool.responseBytesMax }),
    },
  };
}

/** What `Retry-After` asks for is done for every method; a call without an answer is repeated only where that is harmless. */
export function httpRetryOf(tool: HttpTool, spec: RetrySpec | undefined): RetryPolicy | null {
  if (spec !== undefined) return retryPolicyOf(spec);
  return IDEMPOTENT.has(methodOf(tool)) ? retryPolicyOf({ limit: 2 }) : { ...NO_RETRY, limit: 2 };
}

export function httpTimeoutMs(seconds: number | undefined): number {
  return wholeSeconds(seconds ?? HTTP_TIMEOUT_SECONDS);
}

function methodOf({ method, json, body }: HttpTool): string {
  return method ?? (json === undefined && body === undefined ? "GET" : "POST");
}
