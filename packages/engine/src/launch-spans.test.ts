import type { SpanStart, Tracing } from "@windlass/kernel";
import type { LaunchRequest } from "@windlass/ports";
import { expect, test } from "vitest";
import { command, done, engineFixture, fakeExecutor, settled } from "./engine-fixture.ts";

interface Recorded extends SpanStart {
  readonly id: number;
  end: { readonly failed?: string | null; readonly attributes?: object } | null;
}

function recording(): { readonly tracing: Tracing; readonly spans: Recorded[] } {
  const spans: Recorded[] = [];
  const begin: Tracing["begin"] = (start) => {
    const span: Recorded = { ...start, id: spans.length, end: null };
    spans.push(span);
    return {
      traceparent: `span ${span.id}`,
      within: (work) => work(),
      end: (how = {}) => {
        expect(span.end).toBeNull();
        span.end = how;
      },
    };
  };
  return { spans, tracing: { active: () => null, begin } };
}

const named = (spans: readonly Recorded[], name: string): Recorded[] => spans.filter((span) => span.name.startsWith(name));

test("what is launched learns of its trace, and its span ends once with how it ended", async () => {
  const kept = new Map<string, LaunchRequest>();
  const executor = fakeExecutor({ kept });
  const { spans, tracing } = recording();
  const fixture = await engineFixture({ executors: [executor], tracing });
  await fixture.engine.start();
  const id = await fixture.submit({ ...command, traceparent: "the caller's" });
  await fixture.clock.until(() => executor.launched.length === 1, 5_000);
  const [name = ""] = executor.launched;
  const [submit] = named(spans, "submit");
  const [wait] = named(spans, "wait");
  const [run] = named(spans, "run");
  expect([submit?.parent, wait?.parent, run?.parent]).toEqual(["the caller's", `span ${submit?.id}`, `span ${wait?.id}`]);
  expect(kept.get(name)?.environment).toMatchObject({ TRACEPARENT: `span ${run?.id}`, WINDLASS_TRACEPARENT: `span ${run?.id}` });
  expect(run?.end).toBeNull();
  executor.end(name, done);
  await fixture.reach(id, "succeeded");
  await settled();
  expect(run?.end).toMatchObject({ failed: null, attributes: { "windlass.outcome": "succeeded" } });
  expect(named(spans, "run")).toHaveLength(1);
  await fixture.close();
});

test("an attempt that outlived its launcher gets its span at its end, in the trace of its job", async () => {
  const kept = new Map<string, LaunchRequest>();
  const first = await engineFixture({ executors: [fakeExecutor({ kept })] });
  await first.engine.start();
  const id = await first.submit({ ...command, traceparent: "the caller's" });
  await first.clock.until(() => kept.size === 1, 5_000);
  expect([...kept.values()][0]?.environment).toMatchObject({ TRACEPARENT: "the caller's" });
  await settled();
  await first.outcome(first.engine.stop());

  const executor = fakeExecutor({ kept });
  const { spans, tracing } = recording();
  const second = await engineFixture({ executors: [executor], tracing, wrap: () => first.store });
  await second.outcome(second.engine.start());
  executor.end([...kept.keys()][0] ?? "", { outcome: "failed", reason: "exit_code", message: "exit code 1", exitCode: 1 });
  await second.reach(id, "failed");
  await settled();
  expect(spans).toMatchObject([{ name: "run build", parent: "the caller's", end: { failed: "exit code 1" } }]);
  await second.close();
  await first.store.close();
});
