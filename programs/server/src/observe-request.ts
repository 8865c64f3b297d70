/** Around everything that is answered: its id, its span, its figures. Also refusals are counted and carry the id. */
import type { Noted } from "./asked-call.ts";
import type { Metrics } from "./metrics.ts";
import { requestIdOf } from "./request-id.ts";
import { endRequestSpan, requestSpan, type TracedRequest } from "./request-span.ts";
import type { ServerContext } from "./server-context.ts";

/** `answer` resolves with the status. */
export type Observe = (request: TracedRequest, answer: (noted: Noted) => Promise<number>) => Promise<void>;

export function observing({ engine: { context } }: ServerContext, figures: Metrics): Observe {
  const { clock, logger, tracing } = context;
  return async (request, answer) => {
    const startedAt = clock.monotonic();
    const requestId = requestIdOf(request.header("x-request-id"), () => context.newId("req"));
    const noted: Noted = { requestId, operation: "none", rateHeaders: undefined, ownHeaders: undefined };
    figures.begin();
    const span = requestSpan(tracing, request);
    // Of an answer that cannot be written, too.
    let status = 500;
    try {
      status = await (span === null ? answer(noted) : span.within(() => answer(noted)));
    } finally {
      const tookMs = clock.monotonic() - startedAt;
      const { operation } = noted;
      if (span !== null) endRequestSpan(span, { operation, status });
      figures.observe({ operation, status, seconds: tookMs / 1000 });
      logger.debug("answered a request", { requestId, operation, status, tookMs });
    }
  };
}
