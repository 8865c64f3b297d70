/** From an error to an answer: refusals as problems; everything else is logged whole and answered with `internal` alone. */
import { problemOf, PROBLEM_TYPE } from "@windlass/contract";
import { isWindlassError, messageOf, WindlassError } from "@windlass/kernel";
import type { Logger } from "@windlass/ports";
import type { PlainAnswer } from "./asked-call.ts";

export function problemAnswer(error: unknown, { requestId, logger }: { readonly requestId: string; readonly logger: Logger }): PlainAnswer {
  const refusal = isWindlassError(error) ? error : hidden(error, { requestId, logger });
  const problem = problemOf(refusal, requestId);
  if (isWindlassError(error) && problem.status >= 500)
    logger.error("a request failed", { requestId, code: error.code, error: error.message, cause: stackOf(error.cause) });
  const headers: Record<string, string> = { "content-type": PROBLEM_TYPE };
  if (problem.code === "unauthorized") headers["www-authenticate"] = 'Bearer realm="windlass"';
  const { allow } = refusal.details;
  if (problem.code === "method_not_allowed" && Array.isArray(allow)) headers["allow"] = allow.join(", ");
  const after = retryAfterOf(refusal, problem.status);
  if (after !== undefined) headers["retry-after"] = String(after);
  return { status: problem.status, headers, text: JSON.stringify(problem) };
}

/** Seconds after which the same request may do better. */
function retryAfterOf({ details }: WindlassError, status: number): number | undefined {
  const told = details["retryAfterSeconds"];
  return typeof told === "number" ? told : status === 503 ? 1 : undefined;
}

function hidden(error: unknown, { requestId, logger }: { readonly requestId: string; readonly logger: Logger }): WindlassError {
  logger.error("a request failed in a way that nobody foresaw", { requestId, error: messageOf(error), stack: stackOf(error) });
  return new WindlassError("internal", `the server failed; its log has the details under ${requestId}`);
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
