/** For tests: an engine with one worker, both stopped after the test. */
import type { Store } from "@windlass/ports";
import { afterEach } from "vitest";
import { engineFixture, type EngineFixture } from "./engine-fixture.ts";
import type { Handler } from "@windlass/kernel";
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

afterEach(async () => {
  for (const { fixture, worker } of open.splice(0)) {
    await fixture.outcome(worker.stop());
    await fixture.close();
  }
});
