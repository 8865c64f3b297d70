/**
 * The server as a function from request to answer; sockets are in serve.ts, so that tests and `run --local` need none.
 * What every answer has: a request id, headers that keep browsers from guessing, a problem when it is a refusal.
 */
import { API, operationList, WORKERS_PATH } from "@windlass/contract";
import { didYouMean, isWindlassError, WindlassError } from "@windlass/kernel";
import { Hono } from "hono";
import { scheduleHandlers } from "./schedule-handlers.ts";
import { secretHandlers } from "./secret-handlers.ts";
import { accessHandlers } from "./access-handlers.ts";
import { answering, type AnswerCall } from "./answer-call.ts";
import { addHeaders, plainResponse } from "./answer-headers.ts";
import { authenticator, demand, type Authenticate } from "./authenticate.ts";
import { bulkHandlers } from "./bulk-handlers.ts";
import { backupHandlers } from "./backup-handlers.ts";
import { callbackHandlers } from "./callback-handlers.ts";
import { hostCheck } from "./check-host.ts";
import { cors } from "./cors.ts";
import { directDoor, type DirectDoor } from "./direct-door.ts";
import { DOCS_PATH, OPENAPI_PATH, serveReference } from "./reference-page.ts";
import { deadLetterHandlers } from "./dead-letter-handlers.ts";
import { internalGuard } from "./internal-guard.ts";
import { jobHandlers } from "./job-handlers.ts";
import { eventList } from "./list-events.ts";
import { logHandlers } from "./log-handlers.ts";
import { metrics, type Metrics } from "./metrics.ts";
import { addressOf, mount, type App, type Bindings, type Variables } from "./mount.ts";
import { observing, type Observe } from "./observe-request.ts";
import { openStreams } from "./open-streams.ts";
import { queueHandlers } from "./queue-handlers.ts";
import { rateLimit } from "./rate-limit.ts";
import { peerDoor } from "./peer-door.ts";
import { pageOf } from "./page-of.ts";
import { problemAnswer } from "./respond.ts";
import type { AllHandlers, ServerContext } from "./server-context.ts";
import type { ServerParts } from "./server-parts.ts";
import { strangers } from "./strangers.ts";
import { signalHandlers } from "./signal-handlers.ts";
import { systemHandlers } from "./system-handlers.ts";
import { watchHandlers } from "./watch-handlers.ts";
import { framePace } from "./frame-pace.ts";
import { webhookHandlers } from "./webhook-handlers.ts";
import { workerDoor, type WorkerDoor } from "./worker-door.ts";
import { workerHandlers } from "./worker-handlers.ts";
import { workflowHandlers } from "./workflow-handlers.ts";

export interface WindlassApp {
  /** Answers one request. Never rejects. `address`: of who sent it, where it came over a socket. */
  fetch(request: Request, address?: string | null): Promise<Response>;
  /** Answers a request on a socket that needs no more than an operation; false, and it was not touched, for all other: they are for `fetch`. */
  readonly direct: DirectDoor;
  /** Where workers connect. */
  readonly workers: WorkerDoor;
  /** Ends all streams and connections of workers, and refuses everything from now on. */
  close(): Promise<void>;
}

const OPEN_ADDRESSES = ["/healthz", "/readyz", "/metrics", OPENAPI_PATH, DOCS_PATH];
const STREAMS_PER_PRINCIPAL_MAX = 250;

export function createApp(parts: ServerParts): WindlassApp {
  const context: ServerContext = { ...parts, startedAt: parts.engine.context.now() };
  const streams = openStreams(parts.streamsPerPrincipalMax ?? STREAMS_PER_PRINCIPAL_MAX);
  const { clock, bus } = parts.engine.context;
  const unfollow = bus.subscribe("access", () => void streams.endRevoked());
  const rate = rateLimit(parts.requestsPerSecond ?? 0, () => clock.monotonic());
  const figures = metrics(context, streams);
  const unknown = strangers(parts.badTokensPerMinute ?? 0, () => clock.monotonic());
  const authenticate = authenticator({ adminToken: parts.adminToken, access: parts.engine.access, strangers: unknown });
  const app: App = new Hono<{ Variables: Variables; Bindings: Bindings }>();
  let closing = false;
  const observe = observing(context, figures);
  around(app, observe);
  const isAskedByPages = parts.corsOrigins !== undefined && parts.corsOrigins.length > 0;
  if (isAskedByPages) app.use(cors(parts.corsOrigins));
  const checkHost = hostCheck(parts.hosts ?? []);
  const admit = (host: string, path?: string): void => {
    checkHost(host);
    if (closing && path !== "/healthz") throw new WindlassError("shutting_down", "the server is about to stop");
  };
  app.use(async (c, next) => {
    admit(c.req.header("host") ?? new URL(c.req.url).host, c.req.path);
    await next();
  });
  health(app, { context, figures, authenticate });
  serveReference(app, parts.version);
  if (parts.peers !== undefined) peerDoor(app, parts.peers);
  // Before the operations: as an id of a worker, `connect` would not be found.
  app.get(WORKERS_PATH, () => {
    throw new WindlassError("bad_request", "workers connect here with a WebSocket; this request asks for none");
  });
  const guard = internalGuard(parts.internalToken ?? "", unknown);
  const answerOf = answering({ context, handlers: handlersOf(context), authenticate, guard, streams, rate });
  const answers: ReadonlyMap<string, AnswerCall> = new Map(operationList.map((operation) => [operation.id, answerOf(operation)]));
  mount(app, answers);
  const pace = framePace(parts.framesPerSecond ?? 0, clock);
  const workers = workerDoor({ context, authenticate, checkHost, rate, pace });
  app.notFound((c) => {
    throw unknownAddress(c.req.method, c.req.path);
  });
  const { logger } = parts.engine.context;
  app.onError((error, c) => plainResponse(c, problemAnswer(error, { requestId: c.get("noted").requestId, logger })));
  return {
    fetch: async (request, address) => app.fetch(request, { address: address ?? null }),
    // Answers to pages have more headers.
    direct: isAskedByPages ? () => false : directDoor({ answers, observe, admit, logger, clock }),
    workers,
    async close() {
      closing = true;
      unfollow();
      streams.endAll();
      figures.close();
      await workers.close();
    },
  };
}

function handlersOf(context: ServerContext): AllHandlers {
  const watch = watchHandlers(context);
  return {
    jobs: { ...jobHandlers(context), ...bulkHandlers(context), ...signalHandlers, ...logHandlers(context), ...watch.jobs },
    events: { ...watch.events, list: eventList(context) },
    workflows: workflowHandlers(context),
    schedules: scheduleHandlers(context),
    queues: queueHandlers(context),
    deadLetters: deadLetterHandlers(context),
    ...accessHandlers(context),
    secrets: secretHandlers(context),
    workers: workerHandlers(context),
    settings: { list: async ({ query }) => pageOf(context.settings ?? [], query, ({ name }) => name) },
    system: systemHandlers(context),
    backups: backupHandlers(context),
    callbacks: callbackHandlers(context),
    webhooks: webhookHandlers(context),
  };
}

function around(app: App, observe: Observe): void {
  app.use((c, next) =>
    observe(c.req, async (noted) => {
      c.set("noted", noted);
      await next();
      addHeaders(c);
      return c.res.status;
    }),
  );
}

function health(
  app: App,
  { context, figures, authenticate }: { readonly context: ServerContext; readonly figures: Metrics; readonly authenticate: Authenticate },
): void {
  app.get("/healthz", (c) => c.json({ status: "ok" }));
  app.get("/readyz", async (c) => {
    try {
      await context.engine.context.store.ping();
    } catch (error) {
      // Of other failures only the log tells more: this address needs no token.
      if (isWindlassError(error) && error.details["disk"] === "full") throw error;
      throw new WindlassError("unavailable", "the store does not answer", { cause: error });
    }
    const { notices } = context.engine.context.figures;
    // It serves all the same: what is asked of it is stored, and is carried out.
    return c.json({ status: "ready", ...(notices.isUsed ? { notices: notices.fault === null ? "there" : "away" } : {}) });
  });
  app.get("/metrics", async (c) => {
    if (context.openMetrics === false)
      demand(await authenticate(c.req.raw.headers, addressOf(c)), { permission: "system:read", reach: "server", id: "/metrics" });
    return c.body(await figures.text(), 200, { "content-type": figures.contentType });
  });
}

function unknownAddress(method: string, path: string): WindlassError {
  const methods = operationList.filter((operation) => patternOf(operation.path).test(path)).map((operation) => operation.method);
  if (methods.length > 0)
    return new WindlassError("method_not_allowed", `${path} is not asked with ${method}, but with ${methods.join(" or ")}`, {
      details: { allow: methods.flatMap((one) => (one === "GET" ? [one, "HEAD"] : [one])).toSorted() },
    });
  if (path === "/" || OPEN_ADDRESSES.includes(path))
    return new WindlassError("method_not_allowed", `${path} is not asked with ${method}, but with GET`, {
      details: { allow: ["GET", "HEAD"] },
    });
  const known = [...new Set(operationList.map((operation) => operation.path)), ...OPEN_ADDRESSES];
  return new WindlassError("route_not_found", `there is no address ${path}${didYouMean(path, known) || `; all begin with ${API}`}`);
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{\w+\}/gu, "[^/]+")}$`, "u");
}
