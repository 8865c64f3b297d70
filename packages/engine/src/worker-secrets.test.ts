/** Attempts that ask for a secret, and what becomes of them when much happens until it is found. */
import { WORKSPACE_SCOPE } from "@windlass/kernel";
import type { KeySource, Store } from "@windlass/ports";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { engineFixture, type EngineFixture } from "./engine-fixture.ts";
import type { Worker } from "./worker.ts";

const DRAIN_MS = 1_000;

let fixture: EngineFixture;
let worker: Worker;
let begun: number[];
/** Of those who look for a secret: each is let go on when it is called. Null: nobody waits. */
let waiting: (() => void)[] | null;
let handler: () => Promise<null>;

beforeEach(async () => {
  const keySource: KeySource & { text: string } = {
    text: "",
    place: "KEYS",
    grows: "always",
    read: () => keySource.text,
    add: (key) => void (keySource.text = `${key}\n${keySource.text}`),
  };
  const wrap = (store: Store): Store => ({
    ...store,
    secrets: {
      ...store.secrets,
      async find(which) {
        if (waiting !== null) await new Promise<void>((resolve) => void waiting?.push(resolve));
        return store.secrets.find(which);
      },
    },
  });
  [begun, waiting, handler] = [[], null, async () => null];
  fixture = await engineFixture({ keySource, wrap });
  await fixture.engine.start();
  await fixture.engine.secrets.set({ workspace: "default", scope: WORKSPACE_SCOPE, name: "api" }, "a-very-secret-one", "ann");
  worker = fixture.engine.worker({
    handlers: {
      greet: ({ attempt }) => {
        begun.push(attempt);
        return handler();
      },
    },
    ...{ sessionTtlMs: 3_000, drainMs: DRAIN_MS },
  });
});
afterEach(async () => {
  await fixture.outcome(worker.stop());
  await fixture.close();
});

/** A job that is claimed, and whose secret is being looked for. */
async function opening(): Promise<string> {
  const id = await fixture.submit({ spec: { handler: "greet", env: { KEY: { valueFrom: "api" } } } });
  waiting = [];
  await worker.start();
  await fixture.clock.until(() => waiting?.length === 1, 10_000);
  return id;
}

function find(): void {
  const found = waiting ?? [];
  waiting = null;
  for (const go of found) go();
}

describe("an attempt whose secret is found", () => {
  test("only when its worker has lost its session does not begin: another has it", async () => {
    const id = await opening();
    await fixture.store.sessions.close((await fixture.engine.jobs.get(id)).live?.session ?? "");
    await fixture.engine.context.commit([{ type: "lose", id, token: 1, reason: "worker_lost", message: "lost", random: 0 }]);
    await fixture.clock.until(() => fixture.lines.some(({ message }) => message.includes("the session was lost")), 10_000);
    find();
    await fixture.reach(id, "succeeded");
    expect(begun).toEqual([2]);
  });

  test("only when its worker has waited long enough for it to stop is given back, and holds nothing up", async () => {
    const id = await opening();
    handler = () => new Promise(() => {});
    const stopped = worker.stop();
    await fixture.clock.advance(2 * DRAIN_MS);
    find();
    await fixture.outcome(stopped);
    expect(begun).toEqual([]);
    expect((await fixture.engine.jobs.get(id)).live).toMatchObject({ state: "queued", attempt: 0 });
  });
});
