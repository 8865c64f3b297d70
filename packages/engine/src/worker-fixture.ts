/** For tests: an engine with one worker, both stopped after the test. */
import type { Store } from "@windlass/ports";
import { afterEach } from "vitest";
import { engineFixture, type EngineFixture } from "./engine-fixture.ts";
import type { Handler, HandlerContext, JobView } from "@windlass/kernel";
import type { Worker, WorkerOptions } from "./worker.ts";

const open: { fixture: EngineFixture; worker: Worker }[] = [];

/** An engine with one worker whose handler `greet` is the one given. */
export async function working(
  greet: Handler,
  more: Partial<WorkerOptions> & { readonly wrap?: (store: Store) => Store } = {},
): Promise<EngineFixture & { readonly worker: Worker }> {
  const { wrap, ...options } = more;
  const fixture = await engineFixture(wrap === undefined ? {} : { wrap });
  const worker = fixture.engine.worker({ handlers: { greet }, ...options });
  await fixture.engine.start();
  await worker.start();
  open.push({ fixture, worker });
  return Object.assign(fixture, { worker });
}

export async function endOf({ engine, outcome }: EngineFixture, id: string): Promise<JobView> {
  return outcome(engine.jobs.wait(id));
}

/** A promise that the test resolves, and all contexts that a handler was called with. */
export function gate() {
  const calls: HandlerContext[] = [];
  const opens: (() => void)[] = [];
  const handler: Handler = async (context) => {
    calls.push(context);
    await new Promise<void>((resolve) => void opens.push(resolve));
    return calls.length;
  };
  return { calls, handler, open: () => opens.splice(0).forEach((resolve) => resolve()) };
}

afterEach(async () => {
  for (const { fixture, worker } of open.splice(0)) {
    await fixture.outcome(worker.stop());
    await fixture.close();
  }
});
