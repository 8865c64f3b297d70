/** What is measured: each returns jobs per second (or milliseconds), over durable stores, with full job records. */
import type { Embedded } from "@windlass/windlass";
import type { SubmitRequest } from "@windlass/engine";

export type Figures = Map<string, number[]>;

const noop: SubmitRequest = {
  kind: "task",
  name: "noop",
  executor: "handler",
  spec: { handler: "noop" },
  input: { to: "somebody", subject: "a payload of a usual size" },
};

export async function enqueue(
  { engine }: Embedded,
  { inFlight, count }: { readonly inFlight: number; readonly count: number },
): Promise<number> {
  let left = count;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await engine.jobs.submit({ ...noop, queue: "enqueue" });
  };
  return rate(count, () => Promise.all(Array.from({ length: inFlight }, lane)));
}

export async function drain(
  windlass: Embedded,
  { concurrency, count }: { readonly concurrency: number; readonly count: number },
): Promise<number> {
  const queue = `drain-${concurrency}`;
  for (let i = 0; i < count; i += 1_000)
    await windlass.engine.jobs.submitMany(Array.from({ length: Math.min(1_000, count - i) }, () => ({ ...noop, queue })));
  let done = 0;
  let finished = (): void => {};
  const all = new Promise<void>((resolve) => {
    finished = resolve;
  });
  return rate(count, async () => {
    const worker = await windlass.worker({
      queue,
      concurrency,
      handlers: {
        noop: () => {
          if (++done === count) finished();
        },
      },
    });
    await all;
    await worker.stop();
  });
}

/** From the call of submit to the start of the handler, with nothing else to do. */
export async function idleLatency(windlass: Embedded, count: number): Promise<[string, number][]> {
  let started = (): void => {};
  const worker = await windlass.worker({ queue: "latency", handlers: { noop: () => started() } });
  const took: number[] = [];
  for (let i = 0; i < count; i++) {
    await new Promise<void>((resolve, reject) => {
      const from = performance.now();
      started = () => {
        took.push(performance.now() - from);
        resolve();
      };
      windlass.engine.jobs.submit({ ...noop, queue: "latency" }).catch(reject);
    });
  }
  await worker.stop();
  const sorted = took.toSorted((a, b) => a - b);
  return [
    ["enqueue to start when idle, p50 (ms)", sorted[Math.floor(count / 2)] ?? 0],
    ["enqueue to start when idle, p99 (ms)", sorted[Math.floor(count * 0.99)] ?? 0],
  ];
}

export async function processes({ engine }: Embedded, count: number): Promise<number> {
  return rate(count, async () => {
    const submitted = await engine.jobs.submitMany(
      Array.from({ length: count }, () => ({ kind: "task", name: "true", executor: "process", spec: { command: ["/bin/true"] } }) as const),
    );
    for (const one of submitted) {
      if (one instanceof Error) throw one;
      await engine.jobs.wait(one.id);
    }
  });
}

async function rate(count: number, work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return count / ((performance.now() - from) / 1_000);
}
