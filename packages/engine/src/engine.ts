/** Puts the engine together: the services that keep jobs moving, and what callers may do. */
import { queuesServed, RUNNERS_QUEUE, type Handler, type JobView } from "@windlass/kernel";
import type { Executor } from "@windlass/ports";
import { access, type Access } from "./access.ts";
import { advancer } from "./advancer.ts";
import { audit, type Audit } from "./audit.ts";
import { engineContext, type EngineContext, type EnginePorts } from "./context.ts";
import { callbacks, type Callbacks } from "./callbacks.ts";
import { clockSync } from "./clock-sync.ts";
import { deadLetters, type DeadLetters } from "./dead-letters.ts";
import { explainer, type Explain } from "./explain.ts";
import { feed, type Feed } from "./feed.ts";
import { givenSecrets } from "./given-secrets.ts";
import { jobs, type Jobs } from "./jobs.ts";
import { launcher } from "./launcher.ts";
import type { NoticeOptions } from "./notice-receiver.ts";
import type { NoticeLetters } from "./notice-letters.ts";
import { noticeServices } from "./notice-services.ts";
import { queues, type Queues } from "./queues.ts";
import { reconciler } from "./reconciler.ts";
import { logRetention, type LogLimits } from "./log-retention.ts";
import { retention } from "./retention.ts";
import { secrets, type Secrets } from "./secrets.ts";
import { runners } from "./runners.ts";
import { positionOf } from "./standing.ts";
import { serviceOf, together, type Service } from "./service.ts";
import { stuckJobs, type CleanStuck } from "./stuck-jobs.ts";
import { openSession, type OpenSession } from "./session.ts";
import { timers } from "./timers.ts";
import { toldLogs, type ToldLogs } from "./told-logs.ts";
import { webhookRelay } from "./webhook-relay.ts";
import { webhooks, type Webhooks } from "./webhooks.ts";
import { toolWorker, worker, type Worker, type WorkerOptions } from "./worker.ts";

export interface EngineOptions extends EnginePorts {
  /**
   * `server` when left out: keeps all jobs moving. A `spawner` takes notices, makes Jobs on clusters, and on its own host runners
   * alone. It decides about nothing and carries out nothing else: that is for the servers beside it.
   */
  readonly role?: "server" | "spawner";
  readonly executors: readonly Executor[];
  readonly sessionTtlMs?: number;
  readonly hostLostAfterMs?: number;
  /** What this server carries out itself (executor `tool`), by name; `secretOf` gives the value of a secret of a job. */
  readonly tools?: (secretOf: SecretOf) => Readonly<Record<string, Handler>>;
  /** 0 keeps everything. */
  readonly retentionDays?: number;
  /** The same for the audit. */
  readonly auditDays?: number;
  /** The same for the ledger of schedules. */
  readonly historyDays?: number;
  /** Further services of modules; they run as long as the engine does. `session` is the one of this server, for its leads. */
  readonly services?: (context: EngineContext, session: () => string) => readonly Service[];
  /** No limits when left out. */
  readonly logLimits?: LogLimits;
  /** Where those who decide what runs are elsewhere, and tell it by a queue. Left out: the store alone is the queue. */
  readonly notices?: NoticeOptions;
  /** Of what containers elsewhere print; 0 or left out: no limit. */
  readonly logBytesPerSecondMax?: number;
}

export interface Engine extends Service {
  readonly context: EngineContext;
  readonly jobs: Jobs;
  readonly queues: Queues;
  readonly deadLetters: DeadLetters;
  /** Those of the queue for notices; null: there is no such queue. */
  readonly deadNotices: NoticeLetters | null;
  readonly feed: Feed;
  readonly explain: Explain;
  /** Tells of jobs that nobody will end, and ends them. */
  readonly cleanStuck: CleanStuck;
  /** Its number in order, of a job that is ready, or of an execution whose runner is; null: it waits for no start. */
  readonly position: (view: JobView) => Promise<number | null>;
  readonly callbacks: Callbacks;
  readonly toldLogs: ToldLogs;
  readonly access: Access;
  readonly audit: Audit;
  readonly secrets: Secrets;
  readonly webhooks: Webhooks;
  /** Runs handlers in this process. Start and stop it like any service. */
  worker(options: WorkerOptions): Worker;
}

export function engine(options: EngineOptions): Engine {
  const context = engineContext(options);
  const events = feed(context);
  const changes = audit(context);
  const sealed = secrets(context);
  const submitting = jobs(context, events);
  const notices = options.notices === undefined ? null : noticeServices(context, submitting, options.notices);
  const ttl = options.sessionTtlMs === undefined ? {} : { sessionTtlMs: options.sessionTtlMs };
  const service = serviceOf("engine", async () => {
    await context.syncClock();
    const session = await openSession(context, {
      role: "server",
      place: null,
      serves: options.role === "spawner" ? [] : [{ executor: "none", queue: queuesServed() }],
      ttlMs: options.sessionTtlMs,
      onLost: () => {},
    });
    const id = (): string => session.id;
    const isSpawner = options.role === "spawner";
    const spawning = [
      ...(options.runners === undefined ? [] : [runners(context, options.runners)]),
      ...options.executors.map((executor) => {
        const queueName = isSpawner && executor.isWatchedOutside !== true ? RUNNERS_QUEUE : undefined;
        return launcher(context, { executor, queueName, ...ttl });
      }),
    ];
    const services = together("services", [
      ...(isSpawner ? [clockSync(context), ...spawning] : [changes, events, ...keepingOn(context, options, { session, spawning })]),
      ...(notices?.services(id) ?? []),
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
    jobs: submitting,
    queues: queues(context),
    deadLetters: deadLetters(context),
    deadNotices: notices?.letters ?? null,
    feed: events,
    explain: explainer(context, options.executors),
    cleanStuck: stuckJobs(context, options.executors),
    position: (view) => positionOf(context, view),
    callbacks: callbacks(context),
    toldLogs: toldLogs(context, { bytesPerSecondMax: options.logBytesPerSecondMax ?? 0 }),
    access: access(context),
    audit: changes,
    secrets: sealed,
    webhooks: webhooks(context, { secrets: sealed, outbound: options.outbound ?? null }),
    worker: (workerOptions) => worker(context, { ...ttl, ...workerOptions }),
  };
}

/** What keeps all jobs moving, whoever carries them out. `spawning` has its place in it: what is made last is stopped first. */
function keepingOn(
  context: EngineContext,
  options: EngineOptions,
  { session, spawning }: { readonly session: OpenSession; readonly spawning: readonly Service[] },
): readonly Service[] {
  const id = (): string => session.id;
  const { hostLostAfterMs, sessionTtlMs, outbound, tools } = options;
  return [
    timers(context),
    advancer(context, session),
    ...spawning,
    ...(tools === undefined ? [] : [toolsOf(context, { ...options, tools })]),
    reconciler(context, {
      session: id,
      ...(hostLostAfterMs === undefined ? {} : { hostLostAfterMs }),
      ...(sessionTtlMs === undefined ? {} : { sessionTtlMs }),
    }),
    retention(context, {
      session: id,
      days: options.retentionDays ?? 0,
      auditDays: options.auditDays ?? 0,
      historyDays: options.historyDays ?? 0,
    }),
    ...(outbound === undefined ? [] : [webhookRelay(context, { session: id, outbound })]),
    ...(options.services?.(context, id) ?? []),
  ];
}

/** The value of a secret that a job names by its alias. Throws an Error that says why there is none. */
export type SecretOf = (jobId: string, alias: string) => Promise<string>;

/** Calls that one server makes at once. */
const TOOLS_RUNNING_MAX = 100;

function toolsOf(context: EngineContext, { tools, sessionTtlMs }: Required<Pick<EngineOptions, "tools">> & EngineOptions): Worker {
  const secretOf: SecretOf = async (jobId, alias) => {
    const [record] = await context.store.jobs.records([jobId]);
    const given = record === undefined ? undefined : await givenSecrets(context, record, [alias]);
    if (given === undefined) throw new Error(`the job ${jobId} is gone`);
    if ("refused" in given) throw new Error(given.refused.message ?? given.refused.reason);
    return given.values.get(alias) ?? "";
  };
  return toolWorker(context, {
    handlers: tools(secretOf),
    concurrency: TOOLS_RUNNING_MAX,
    ...(sessionTtlMs === undefined ? {} : { sessionTtlMs }),
  });
}
