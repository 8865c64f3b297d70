/** Figures for Prometheus. One registry for each watcher. */
import { memoryUsage } from "node:process";
import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** `denied`: for the token or for rights, and so until somebody mends them; `failed`: what may pass by itself. */
export type PostResult = "accepted" | "duplicate" | "stale" | "refused" | "failed" | "denied";

export interface WatcherMetrics {
  /** An end was taken, so many seconds after it was. */
  taken(seconds: number): void;
  restart(what: string, why: "ended" | "expired" | "failed" | "denied"): void;
  posted(kind: "end" | "fact" | "log" | "turn", result: PostResult): void;
  printed(bytes: number): void;
  lost(bytes: number): void;
  /** Asked when the figures are. */
  readonly gauges: { jobs: () => number; undelivered: () => number; streams: () => number; isLeading: () => boolean };
  text(): Promise<string>;
  readonly contentType: string;
}

export function watcherMetrics(): WatcherMetrics {
  const registry = new Registry();
  const registers = [registry];
  const gauges: WatcherMetrics["gauges"] = { jobs: () => 0, undelivered: () => 0, streams: () => 0, isLeading: () => false };
  const lag = new Histogram({
    name: "windlass_k8s_watcher_lag_seconds",
    help: "From the end of a Job to the answer of the server that took it",
    buckets: [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600],
    registers,
  });
  const restarts = new Counter({
    name: "windlass_k8s_watcher_watch_restarts_total",
    help: "Watches that were begun anew, by what is watched and why",
    labelNames: ["resource", "why"],
    registers,
  });
  const posts = new Counter({
    name: "windlass_k8s_watcher_posts_total",
    help: "What was told to the server, by what it was and what it answered; failed, and denied for its token: it is told again",
    labelNames: ["kind", "result"],
    registers,
  });
  const bytes = new Counter({ name: "windlass_k8s_watcher_log_bytes_total", help: "Bytes of logs that the server has stored", registers });
  const lost = new Counter({
    name: "windlass_k8s_watcher_log_lost_bytes_total",
    help: "Bytes of logs that the cluster had removed before they were read",
    registers,
  });
  const gauge = (name: string, help: string, value: () => number): void =>
    void new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  gauge("windlass_k8s_watcher_jobs", "Jobs that are remembered", () => gauges.jobs());
  gauge("windlass_k8s_watcher_undelivered", "Ends that the server has not taken yet", () => gauges.undelivered());
  gauge("windlass_k8s_watcher_log_streams", "Logs that are followed", () => gauges.streams());
  gauge("windlass_k8s_watcher_leading", "1 when it is this one's turn", () => (gauges.isLeading() ? 1 : 0));
  gauge("windlass_k8s_watcher_resident_memory_bytes", "Memory of the process", () => memoryUsage.rss());
  return {
    taken: (value) => lag.observe(Math.max(0, value)),
    restart: (resource, why) => restarts.inc({ resource, why }),
    posted: (kind, result) => posts.inc({ kind, result }),
    printed: (count) => bytes.inc(count),
    lost: (count) => lost.inc(count),
    gauges,
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
