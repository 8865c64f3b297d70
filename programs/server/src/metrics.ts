/** Figures for Prometheus: requests by operation, jobs by state, what the engine did, and how the process is. One registry per server. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { memoryUsage, resourceUsage } from "node:process";
import { JOBS_COUNTED_MAX, jobStates } from "@windlass/kernel";
import { Counter, Gauge, Histogram, Registry, type GaugeConfiguration } from "prom-client";
import { engineMetrics } from "./engine-metrics.ts";
import type { OpenStreams } from "./open-streams.ts";
import type { ServerContext } from "./server-context.ts";

export interface Metrics {
  /** A request came; `observe` follows when its answer begins. */
  begin(): void;
  observe(request: { readonly operation: string; readonly status: number; readonly seconds: number }): void;
  /** In Prometheus' text format. */
  text(): Promise<string>;
  readonly contentType: string;
  close(): void;
}

const NANO = 1e9;
/** How often the event loop's delay is looked at. Five times as often would cost a server that does nothing a fifth of its processor time. */
const LAG_RESOLUTION_MS = 100;
const MICRO = 1e6;

export function metrics(context: ServerContext, streams: OpenStreams): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: "windlass_http_requests_total",
    help: "Requests answered, by operation and status",
    labelNames: ["operation", "status"],
    registers,
  });
  const duration = new Histogram({
    name: "windlass_http_request_duration_seconds",
    help: "Time until the head of an answer was ready, by operation",
    labelNames: ["operation"],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10],
    registers,
  });
  const underWay = new Gauge({ name: "windlass_http_requests_under_way", help: "Requests whose answer has not begun", registers });
  jobGauge(context, registers);
  gauge({
    name: "windlass_http_streams",
    help: "Streams that are open",
    registers,
    collect() {
      this.set(streams.count);
    },
  });
  gauge({ name: "windlass_info", help: "Version of the server", labelNames: ["version", "store"], registers }).set(
    { version: context.version, store: context.store },
    1,
  );
  const ofEngine = engineMetrics(context.engine.context);
  const closeProcess = processGauges(registers);
  return {
    begin: () => underWay.inc(),
    observe({ operation, status, seconds }) {
      underWay.dec();
      requests.inc({ operation, status });
      duration.observe({ operation }, seconds);
    },
    text: async () => `${await registry.metrics()}\n${await ofEngine()}`,
    contentType: registry.contentType,
    close: closeProcess,
  };
}

function jobGauge({ engine: { context, access } }: ServerContext, registers: Registry[]): void {
  gauge({
    name: "windlass_jobs",
    help: `Jobs by state; counted up to ${JOBS_COUNTED_MAX} each in every workspace`,
    labelNames: ["state"],
    registers,
    async collect() {
      // Figures tell no names, so those of all workspaces are one.
      const workspaces = await access.workspaces.list({ workspaces: null });
      const counts = await Promise.all(workspaces.map(({ name }) => context.store.reads.counts(name, JOBS_COUNTED_MAX)));
      for (const state of jobStates)
        this.set(
          { state },
          counts.reduce((sum, count) => sum + count[state], 0),
        );
    },
  });
}

/** Not the library's own set: that one cannot be switched off again. */
function processGauges(registers: Registry[]): () => void {
  const delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  delay.enable();
  gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory",
    registers,
    collect() {
      this.set(memoryUsage.rss());
    },
  });
  gauge({
    name: "nodejs_heap_size_used_bytes",
    help: "Heap in use",
    registers,
    collect() {
      this.set(memoryUsage().heapUsed);
    },
  });
  gauge({
    name: "process_cpu_seconds_total",
    help: "User and system time",
    registers,
    collect() {
      const { userCPUTime, systemCPUTime } = resourceUsage();
      this.set((userCPUTime + systemCPUTime) / MICRO);
    },
  });
  gauge({
    name: "nodejs_eventloop_lag_seconds",
    help: "Delay of the event loop since the last look",
    labelNames: ["quantile"],
    registers,
    collect() {
      for (const quantile of [50, 99, 100]) {
        const value = delay.percentile(quantile);
        // What is measured is the time from one look to the next.
        this.set({ quantile: String(quantile / 100) }, Math.max(0, value / NANO - LAG_RESOLUTION_MS / 1_000));
      }
      delay.reset();
    },
  });
  return () => {
    delay.disable();
  };
}

/** Belongs to the registry, which asks it. */
function gauge<Label extends string>(options: GaugeConfiguration<Label>): Gauge<Label> {
  return new Gauge(options);
}
