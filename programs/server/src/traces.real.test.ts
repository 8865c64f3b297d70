/** One trace from the caller over the server, the queue and every attempt, in this process and in a worker over a socket. */
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { client, worker } from "@windlass/sdk";
import type { Tracing } from "@windlass/kernel";
import { openTelemetryTracing } from "@windlass/opentelemetry";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { listen } from "./serve.ts";
import { BASE, clock, testServer, TOKEN, type TestServer } from "./server-fixture.ts";

const CALLER = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT = `00-${CALLER}-00f067aa0ba902b7-01`;

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
let tracing: Tracing;
let server: TestServer;

beforeAll(async () => {
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const found = openTelemetryTracing();
  if (found === null) throw new Error("the SDK is not registered");
  tracing = found;
  server = await testServer({}, { tracing });
});
afterEach(() => exporter.reset());
afterAll(async () => {
  await server.close();
  trace.disable();
  context.disable();
});

const spansOf = (traceId: string): ReadableSpan[] => exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);
const named = (spans: readonly ReadableSpan[], name: string): ReadableSpan[] => spans.filter((span) => span.name === name);
const idOf = (span: ReadableSpan | undefined): string | undefined => span?.spanContext().spanId;
const msOf = ([seconds, nanos]: readonly [number, number]): number => seconds * 1_000 + nanos / 1e6;

test("a request, its submit, each wait and each attempt are one trace, with the times that are stored", async () => {
  const seen: (string | null)[] = [];
  await server.work({
    twice: ({ attempt, traceparent }) => {
      seen.push(traceparent);
      expect(tracing.active()).toBe(traceparent);
      if (attempt === 1) throw new Error("not yet");
    },
  });
  const answer = await server.ask("POST", "/api/v1/jobs", {
    headers: { traceparent: TRACEPARENT },
    body: {
      kind: "task",
      name: "twice",
      executor: "handler",
      spec: { handler: "twice" },
      retry: { limit: 1, on: ["failed"], backoff: { initialSeconds: 0.01 } },
    },
  });
  expect(answer.status).toBe(201);
  const { id } = (await answer.json()) as { id: string };
  await server.engine.jobs.wait(id);
  await vi.waitFor(() => expect(named(spansOf(CALLER), "POST")).toHaveLength(1));
  const spans = spansOf(CALLER);
  const [request] = named(spans, "POST");
  const [submit] = named(spans, "submit twice");
  const waits = named(spans, "wait in default");
  const runs = named(spans, "run twice");
  expect(request?.parentSpanContext?.spanId).toBe("00f067aa0ba902b7");
  expect(submit?.parentSpanContext?.spanId).toBe(idOf(request));
  expect(named(spans, "store jobs.commit").map((span) => span.parentSpanContext?.spanId)).toContain(idOf(submit));
  expect(waits.map((span) => span.parentSpanContext?.spanId)).toEqual([idOf(submit), idOf(submit)]);
  expect(runs.map((span) => span.parentSpanContext?.spanId)).toEqual(waits.map(idOf));
  expect(runs.map((span) => span.attributes["windlass.attempt"])).toEqual([1, 2]);
  expect(runs.map((span) => [span.attributes["windlass.outcome"], span.status.message])).toEqual([
    ["failed", "not yet"],
    ["succeeded", undefined],
  ]);
  expect(seen).toEqual(runs.map((span) => `00-${CALLER}-${idOf(span)}-01`));
  const attempts = await server.engine.context.store.reads.attempts(id);
  expect(runs.map((span) => msOf(span.startTime))).toEqual(attempts.map((attempt) => attempt.startedAt));
  expect(waits.map((span) => msOf(span.endTime))).toEqual(attempts.map((attempt) => attempt.startedAt));
});

test("a worker over a socket goes on in the trace of the client that submitted", async () => {
  const listening = await listen(server.app, { host: "127.0.0.1", port: 0, clock, drainMs: 500 });
  const remote = worker({ url: listening.url, token: TOKEN, queue: "far", handlers: { hello: ({ traceparent }) => traceparent }, tracing });
  await remote.start();
  const api = client({ url: listening.url, token: TOKEN, tracing });
  const mine = tracing.begin({ name: "mine", kind: "internal", parent: null, attributes: {} });
  const { id } = await mine.within(() => api.submit("hello", null, { queue: "far" }));
  mine.end();
  const view = await server.engine.jobs.wait(id);
  const [, traceId = ""] = mine.traceparent.split("-");
  await vi.waitFor(() => expect(named(spansOf(traceId), "run hello")).toHaveLength(1));
  const [run] = named(spansOf(traceId), "run hello");
  expect(view.final?.output).toBe(`00-${traceId}-${idOf(run)}-01`);
  expect(named(spansOf(traceId), "wait in far").map(idOf)).toEqual([run?.parentSpanContext?.spanId]);
  expect(named(spansOf(traceId), "submit hello")).toHaveLength(1);
  await remote.stop();
  await listening.close();
});

test("a server that nobody traces hands on the trace that a job came with, and makes none for others", async () => {
  const untraced = await testServer();
  const seen: (string | null)[] = [];
  await untraced.work({ hello: ({ traceparent }) => void seen.push(traceparent) });
  const sent = { kind: "task", name: "hello", executor: "handler", spec: { handler: "hello" } };
  for (const traceparent of [TRACEPARENT, undefined, "nonsense"]) {
    const headers = {
      authorization: `Bearer ${TOKEN}`,
      "content-type": "application/json",
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    const body = JSON.stringify(sent);
    const answer = await untraced.app.fetch(new Request(`${BASE}/api/v1/jobs`, { method: "POST", headers, body }));
    await untraced.engine.jobs.wait(((await answer.json()) as { id: string }).id);
  }
  expect(seen).toEqual([TRACEPARENT, null, null]);
  expect(exporter.getFinishedSpans()).toEqual([]);
  await untraced.close();
});
