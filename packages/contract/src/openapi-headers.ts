/** The headers of the API in its OpenAPI document: what each operation heeds, and what its answers carry. Pure. */
import { keepsAnswers, type Operation } from "./operation.ts";

type Schema = Record<string, unknown>;

const REQUEST_HEADERS = {
  workspace: ["Windlass-Workspace", "The workspace; left out: the only one of the token, or default"],
  requestId: ["X-Request-Id", "Under which the request is found in logs, problems and the audit; made when left out"],
  jobKey: ["Idempotency-Key", "The same as idempotencyKey in the body: one key, one job"],
  answerKey: [
    "Idempotency-Key",
    "Repeated under this key within a day, the call is answered with its first answer instead of being carried out again",
  ],
  position: ["Last-Event-ID", "Continue behind the message with this id"],
  known: ["If-None-Match", "An ETag of an earlier answer: the answer is 304 when nothing has changed"],
  ifMatch: ["If-Match", 'Change it only if it is as it was read: an ETag, a revision like "3", or * for any'],
  ifAbsent: ["If-None-Match", "*: only if it is not there yet"],
} as const satisfies Record<string, readonly [string, string]>;

type HeaderName = keyof typeof REQUEST_HEADERS;

export function requestHeaders(operation: Operation): Schema[] {
  const { permission, idempotent, response, conditional } = operation;
  const heeded: readonly (readonly [HeaderName, boolean])[] = [
    ["workspace", permission !== null],
    ["requestId", true],
    ["jobKey", idempotent],
    ["answerKey", keepsAnswers(operation)],
    ["position", response === "sse"],
    ["known", isTaggedRead(operation)],
    ["ifMatch", conditional],
    ["ifAbsent", conditional],
  ];
  return heeded.flatMap(([header, isHeeded]) => {
    const [name, description] = REQUEST_HEADERS[header];
    return isHeeded ? [{ name, in: "header", required: false, description, schema: { type: "string" } }] : [];
  });
}

/** Components that answers refer to. */
export const ANSWER_HEADERS = {
  RequestId: header("The id of this request in logs, problems and the audit"),
  ETag: header("Changes with the answer; before its dash stands the revision, where the object has one"),
  Replayed: header("true: this is the first answer under the idempotency key, given again"),
  RetryAfter: header("Seconds after which the same request may do better"),
  RateLimit: header("Requests that may come at once; only for tokens that are limited"),
  RateRemaining: header("Requests that are left of them"),
  RateReset: header("Seconds until all of them are there again"),
} as const;

export function answerHeaders(operation: Operation): Schema {
  return {
    "X-Request-Id": ref("RequestId"),
    ...(isTaggedRead(operation) || operation.conditional ? { ETag: ref("ETag") } : {}),
    ...(keepsAnswers(operation) ? { "Idempotency-Replayed": ref("Replayed") } : {}),
    ...(operation.permission === null
      ? {}
      : { "RateLimit-Limit": ref("RateLimit"), "RateLimit-Remaining": ref("RateRemaining"), "RateLimit-Reset": ref("RateReset") }),
  };
}

export function problemHeaders(status: number): Schema {
  return { "X-Request-Id": ref("RequestId"), ...([409, 429, 503].includes(status) ? { "Retry-After": ref("RetryAfter") } : {}) };
}

/** Reads of single objects have an ETag. */
export function isTaggedRead({ method, path, response }: Pick<Operation, "method" | "path" | "response">): boolean {
  return method === "GET" && response === "json" && path.includes("{");
}

function header(description: string): Schema {
  return { description, schema: { type: "string" } };
}

function ref(name: keyof typeof ANSWER_HEADERS): Schema {
  return { $ref: `#/components/headers/${name}` };
}
