/** Puts the engine together: the services that keep jobs moving, and what callers may do. */
import type { Executor } from "@windlass/ports";
import { access, type Access } from "./access.ts";
import { advancer } from "./advancer.ts";
import { audit, type Audit } from "./audit.ts";
import { engineContext, type EngineContext, type EnginePorts } from "./context.ts";
import { callbacks, type Callbacks } from "./callbacks.ts";
import { deadLetters, type DeadLetters } from "./dead-letters.ts";
import { explainer, type Explain } from "./explain.ts";
import { feed, type Feed } from "./feed.ts";
import { jobs, type Jobs } from "./jobs.ts";
import { launcher } from "./launcher.ts";
import { queues, type Queues } from "./queues.ts";
import { reconciler } from "./reconciler.ts";
import { logRetention, type LogLimits } from "./log-retention.ts";
import { retention } from "./retention.ts";
import { secrets, type Secrets } from "./secrets.ts";
import { serviceOf, together, type Service } from "./service.ts";
import { openSession } from "./session.ts";
import { timers } from "./timers.ts";
import { worker, type Worker, type WorkerOptions } from "./worker.ts";

export interface EngineOptions extends EnginePorts {
  readonly executors: readonly Executor[];
  readonly sessionTtlMs?: number;
  readonly hostLostAfterMs?: number;
  /** 0 keeps everything. */
  readonly retentionDays?: number;
  /** The same for the audit. */
  readonly auditDays?: number;
  /** No limits when left out. */
  readonly logLimits?: LogLimits;
}

export interface Engine extends Service {
  readonly context: EngineContext;
  readonly jobs: Jobs;
  readonly queues: Queues;
  readonly deadLetters: DeadLetters;
  readonly feed: Feed;
  readonly explain: Explain;
  readonly callbacks: Callbacks;
  readonly access: Access;
  readonly audit: Audit;
  readonly secrets: Secrets;
  /** Runs handlers in this process. Start and stop it like any service. */
  worker(options: WorkerOptions): Worker;
}

export function engine(options: EngineOptions): Engine {
  const context = engineContext(options);
  const events = feed(context);
  const changes = audit(context);
  const service = serviceOf("engine", async () => {
    await context.syncClock();
    const session = await openSession(context, {
      role: "server",
      place: null,
      serves: [{ executor: "none", queue: "*" }],
      ttlMs: options.sessionTtlMs,
      onLost: () => {},
    });
    const id = (): string => session.id;
    const hostLostAfterMs = options.hostLostAfterMs;
    const services = together("services", [
      changes,
      events,
      timers(context),
      advancer(context, session),
      ...options.executors.map((executor) =>
        launcher(context, { executor, ...(options.sessionTtlMs === undefined ? {} : { sessionTtlMs: options.sessionTtlMs }) }),
      ),
      reconciler(context, {
        session: id,
        ...(hostLostAfterMs === undefined ? {} : { hostLostAfterMs }),
        ...(options.sessionTtlMs === undefined ? {} : { sessionTtlMs: options.sessionTtlMs }),
      }),
      retention(context, { session: id, days: options.retentionDays ?? 0, auditDays: options.auditDays ?? 0 }),
      logRetention(context, options.logLimits ?? { retentionDays: 0, totalBytesMax: 0 }),
    ]);
    try {
      await services.start();
    } catch (error) {
      await session.close();
      throw error;
    }
    return async () => {
      await services.stop();
      await session.close();
    };
  });
  return {
    ...service,
    context,
    jobs: jobs(context, events),
    queues: queues(context),
    deadLetters: deadLetters(context),
    feed: events,
    explain: explainer(context, options.executors),
    callbacks: callbacks(context),
    access: access(context),
    audit: changes,
    secrets: secrets(context),
    worker: (workerOptions) =>
      worker(context, { ...(options.sessionTtlMs === undefined ? {} : { sessionTtlMs: options.sessionTtlMs }), ...workerOptions }),
  };
}
