/**
 * The figures of the engine for Prometheus. Counters and histograms are what this process did itself: with several servers
 * on one store, their sum is the whole. What is counted in the store (depth, age, sessions) is the same from each of them.
 *
 * M1. Labels are bounded: the first `QUEUES_MAX` queues that were met, the busiest first, and `(other)`.
 * M2. The store is counted at most every `REST_MS`, once at a time, and for at most a twentieth of the time.
 */
import { OTHER_QUEUES, QUEUES_MAX, type EngineContext, type Spread } from "@windlass/engine";
import { TALLY_BUCKETS, type Durations, type QueueTally, type QueueView } from "@windlass/kernel";
import type { Session } from "@windlass/ports";
import { histogramText, samplesText, type HistogramSample, type Sample } from "./exposition.ts";
import { noticeLines } from "./notice-metrics.ts";

/** Who asks more often is told the same again. */
const REST_MS = 5_000;
/** So many times the length of a count, nothing is counted again. */
const REST_FACTOR = 20;

const OWN = "by this process since it was started";
const BOUND = `the first ${QUEUES_MAX} queues, the rest as ${OTHER_QUEUES}`;

export function engineMetrics(context: EngineContext): () => Promise<string> {
  const counted = countedNowAndThen(context);
  return async () => {
    const { queues, sessions, now } = await counted();
    // The busiest first: they are to have names of their own.
    const depths = depthsOf(context, queues, now);
    const tallies = [...context.figures.queues];
    return [
      ...depths,
      ...sessionLines(sessions),
      ...counterLines(tallies),
      ...durationLines(tallies),
      ...callbackLines(context),
      ...webhookLines(context),
      ...noticeLines(context),
      ...processLines(context),
    ].join("");
  };
}

interface Counted {
  readonly queues: readonly QueueView[];
  readonly sessions: readonly Session[];
  readonly now: number;
}

function countedNowAndThen(context: EngineContext): () => Promise<Counted> {
  const { store, clock } = context;
  let last: Promise<Counted> | null = null;
  let goodUntil = 0;
  const count = async (): Promise<Counted> => {
    const startedAt = clock.monotonic();
    const [queues, sessions] = await Promise.all([store.queues.list(), store.sessions.list()]);
    const endedAt = clock.monotonic();
    goodUntil = endedAt + Math.max(REST_MS, REST_FACTOR * (endedAt - startedAt));
    return { queues, sessions, now: context.now() };
  };
  return () => {
    if (last !== null && clock.monotonic() < goodUntil) return last;
    goodUntil = Number.POSITIVE_INFINITY;
    last = count().catch((error: unknown) => {
      last = null;
      throw error;
    });
    return last;
  };
}

const STATES = ["scheduled", "queued", "running", "waiting"] as const;

interface Depth {
  readonly counts: Record<(typeof STATES)[number], number>;
  oldestAt: number | null;
}

function nothing(): Depth {
  return { counts: { scheduled: 0, queued: 0, running: 0, waiting: 0 }, oldestAt: null };
}

function depthsOf({ figures }: EngineContext, queues: readonly QueueView[], now: number): string[] {
  const depths = new Map<string, Depth>();
  for (const queue of queues.toSorted((a, b) => liveOf(b) - liveOf(a))) {
    const label = figures.labelOf(queue.name);
    const depth = depths.get(label) ?? nothing();
    for (const state of STATES) depth.counts[state] += queue[state];
    const { oldestQueuedAt } = queue;
    if (oldestQueuedAt !== null) depth.oldestAt = Math.min(depth.oldestAt ?? oldestQueuedAt, oldestQueuedAt);
    depths.set(label, depth);
  }
  // A queue that is empty and was not set up is not in the store; a series that ends looks like a server that is gone.
  for (const label of figures.queues.keys()) if (!depths.has(label)) depths.set(label, nothing());
  const entries = [...depths];
  return [
    samplesText({
      name: "windlass_queue_depth",
      help: `Live jobs by queue and state (what is stopping counts as running), counted in the store at most every ${REST_MS / 1000} s; ${BOUND}`,
      type: "gauge",
      samples: entries.flatMap(([queue, { counts }]) => STATES.map((state) => ({ labels: { queue, state }, value: counts[state] }))),
    }),
    samplesText({
      name: "windlass_queue_oldest_seconds",
      help: "How long ago the job was submitted that has waited longest in the queue; 0 when none waits",
      type: "gauge",
      samples: entries.map(([queue, { oldestAt }]) => ({
        labels: { queue },
        value: oldestAt === null ? 0 : Math.max(0, now - oldestAt) / 1000,
      })),
    }),
  ];
}

function liveOf({ scheduled, queued, running, waiting }: QueueView): number {
  return scheduled + queued + running + waiting;
}

function sessionLines(sessions: readonly Session[]): string[] {
  const roles = { worker: 0, launcher: 0, server: 0 };
  for (const { role } of sessions) roles[role]++;
  return [
    samplesText({
      name: "windlass_sessions",
      help: "Open sessions of workers, launchers and servers, those of all processes",
      type: "gauge",
      samples: Object.entries(roles).map(([role, value]) => ({ labels: { role }, value })),
    }),
  ];
}

type Tallies = readonly (readonly [string, QueueTally])[];

function counterLines(tallies: Tallies): string[] {
  const counter = (name: string, help: string, samples: readonly Sample[]): string =>
    samplesText({ name, help: `${help} ${OWN}; ${BOUND}`, type: "counter", samples });
  const each = (valueOf: (tally: QueueTally) => number): Sample[] =>
    tallies.map(([queue, tally]) => ({ labels: { queue }, value: valueOf(tally) }));
  return [
    counter(
      "windlass_jobs_submitted_total",
      "Jobs stored",
      each(({ submitted }) => submitted),
    ),
    counter(
      "windlass_attempts_started_total",
      "Attempts started, with those given back before they began,",
      each(({ started }) => started),
    ),
    counter(
      "windlass_attempts_retried_total",
      "Attempts that ended badly and are followed by another, ended",
      each(({ retried }) => retried),
    ),
    counter(
      "windlass_dead_letters_total",
      "Jobs that became dead letters, stored",
      each(({ died }) => died),
    ),
    counter(
      "windlass_jobs_finished_total",
      "Jobs ended, by outcome,",
      tallies.flatMap(([queue, { finished }]) =>
        Object.entries(finished).map(([outcome, value]) => ({ labels: { queue, outcome }, value })),
      ),
    ),
  ];
}

function durationLines(tallies: Tallies): string[] {
  const bounds = TALLY_BUCKETS.map(inSeconds);
  const sample = (labels: Record<string, string>, { counts, sumMs }: Durations): HistogramSample => ({ labels, counts, sum: sumMs / 1000 });
  return [
    histogramText({
      name: "windlass_job_wait_seconds",
      help: `From when an attempt could have started (submitted, due, back-off over) to its start; attempts started ${OWN}`,
      bounds,
      samples: tallies.flatMap(([queue, { waits }]) => (waits === null ? [] : [sample({ queue }, waits)])),
    }),
    histogramText({
      name: "windlass_job_run_seconds",
      help: `From the start of an attempt to its end, by how it ended; ends stored ${OWN}`,
      bounds,
      samples: tallies.flatMap(([queue, { runs }]) => Object.entries(runs).map(([outcome, run]) => sample({ queue, outcome }, run))),
    }),
  ];
}

function callbackLines({ figures: { callbacks } }: EngineContext): string[] {
  const counter = (name: string, help: string, samples: readonly Sample[]): string =>
    samplesText({ name, help: `${help} ${OWN}`, type: "counter", samples });
  const told = [...callbacks.told].map(([state, value]) => ({ labels: { state }, value }));
  const stale = [...callbacks.stale].map(([key, value]) => {
    const [state = "", reason = ""] = key.split(" ");
    return { labels: { state, reason }, value };
  });
  return [
    counter("windlass_container_callback_total", "Accounts of containers and the like that were told over the API, by state,", told),
    counter("windlass_container_callback_stale_total", "Those of them that fitted nothing that goes on, by state and reason,", stale),
    counter("windlass_container_callback_duplicate_total", "Those of them that had been told before,", [
      { labels: {}, value: callbacks.duplicates },
    ]),
    counter("windlass_container_callback_undelivered_total", "Ends that could not be told, for they were refused as not understood,", [
      { labels: {}, value: callbacks.undelivered },
    ]),
  ];
}

function webhookLines({ figures: { webhooks } }: EngineContext): string[] {
  const counter = (name: string, help: string, value: number): string =>
    samplesText({ name, help: `${help} ${OWN}`, type: "counter", samples: [{ labels: {}, value }] });
  const active = [{ labels: {}, value: webhooks.active }];
  return [
    samplesText({ name: "windlass_webhooks_active", help: "Webhooks that are not paused", type: "gauge", samples: active }),
    counter("windlass_webhook_sendings_total", "Messages sent to webhooks, each time,", webhooks.sent),
    counter("windlass_webhook_failures_total", "Those of them that were not taken", webhooks.failed),
    counter("windlass_webhook_dead_total", "Deliveries that were given up", webhooks.dead),
  ];
}

function processLines({ figures }: EngineContext): string[] {
  const { calls, callsFailed, commits, feedLagMs, slots } = figures;
  const called = [...calls].filter(([, { counts }]) => counts.some((count) => count > 0));
  const gauge = (name: string, help: string, value: number): string =>
    samplesText({ name, help, type: "gauge", samples: [{ labels: {}, value }] });
  return [
    histogramText({
      name: "windlass_store_call_duration_seconds",
      help: `Calls of the store, by name; jobs.commit is what a change waits for until it is durable; ${OWN}`,
      bounds: (called[0]?.[1].bounds ?? []).map(inSeconds),
      samples: called.map(([call, took]) => ({ labels: { call }, counts: took.counts, sum: took.sum / 1000 })),
    }),
    samplesText({
      name: "windlass_store_call_failures_total",
      help: `Calls of the store that failed, by name; ${OWN}`,
      type: "counter",
      samples: [...callsFailed].map(([call, value]) => ({ labels: { call }, value })),
    }),
    histogramText({
      name: "windlass_store_commit_changes",
      help: `Changes of one commit; the store puts several commits into one transaction; ${OWN}`,
      bounds: commits.bounds,
      samples: [sampleOf(commits)],
    }),
    gauge("windlass_feed_lag_seconds", "How old the newest event was when this process handed it to those who watch", feedLagMs / 1000),
    gauge(
      "windlass_worker_slots",
      "Handlers that may run at once in workers of this process",
      sum([...slots].map(({ concurrency }) => concurrency)),
    ),
    gauge("windlass_worker_slots_used", "Handlers that run now in workers of this process", sum([...slots].map(({ running }) => running))),
  ];
}

function sampleOf({ counts, sum: total }: Spread): HistogramSample {
  return { labels: {}, counts, sum: total };
}

function inSeconds(ms: number): number {
  return ms / 1000;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
