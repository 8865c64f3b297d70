/** What an informer makes of an API server that forgets, breaks off, and loses objects while nobody looks. */
import { createServer, type ServerResponse } from "node:http";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@windlass/kernel";
import type { ClusterClient } from "@windlass/kubernetes";
import { fakeClock, seededRandom } from "@windlass/testkit";
import { afterEach, expect, test } from "vitest";
import { informer, uidOf } from "./informer.ts";
import { clientOf, realClock, SILENT } from "./watcher-fixture.ts";
import { watcherMetrics } from "./watcher-metrics.ts";

const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

const objectOf = (uid: string, resourceVersion: string): JsonObject => ({ metadata: { uid, name: uid, resourceVersion } });

/** Each list and each watch is answered by the next of what was prepared; what comes beyond waits. */
async function clusterWith(answers: {
  readonly lists: readonly object[];
  readonly watches: readonly ((response: ServerResponse) => void)[];
}) {
  const asked: string[] = [];
  const [lists, watches] = [[...answers.lists], [...answers.watches]];
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? "", "http://cluster").searchParams;
    const isWatch = query.get("watch") === "true";
    asked.push(isWatch ? `watch ${query.get("resourceVersion")}` : "list");
    response.writeHead(200, { "content-type": "application/json" });
    if (isWatch) (watches.shift() ?? ((open) => open.flushHeaders()))(response);
    else response.end(JSON.stringify(lists.shift() ?? { items: [], metadata: { resourceVersion: "99" } }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const path = join(mkdtempSync(join(tmpdir(), "windlass-informer-")), "kubeconfig");
  const contexts = [{ name: "a", context: { cluster: "a", user: "a" } }];
  writeFileSync(
    path,
    JSON.stringify({
      clusters: [{ name: "a", cluster: { server: url } }],
      users: [{ name: "a", user: {} }],
      contexts,
      "current-context": "a",
    }),
  );
  const over = new AbortController();
  const metrics = watcherMetrics();
  const seen: string[] = [];
  const client = clientOf(path);
  const one = informer(
    {
      client,
      what: "jobs",
      path: "/apis/batch/v1/jobs",
      onObject: (object) => seen.push(`${uidOf(object)} ${versionOf(object)}`),
      onGone: (object) => seen.push(`gone ${uidOf(object)}`),
      onListed: (uids) => seen.push(`there: ${[...uids].join(",")}`),
    },
    { clock: realClock, random: seededRandom(1), logger: SILENT, metrics, signal: over.signal },
  );
  endings.push(async () => {
    over.abort();
    await one.done;
    client.close();
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    rmSync(join(path, ".."), { recursive: true });
  });
  return { one, asked, seen, metrics };
}

function versionOf(object: JsonObject): string {
  const { metadata } = object as { readonly metadata: { readonly resourceVersion: string } };
  return metadata.resourceVersion;
}

const line = (type: string, object: JsonObject): string => `${JSON.stringify({ type, object })}\n`;
const settled = (found: readonly string[], last: string) => expect.poll(() => found.at(-1), { timeout: 10_000, interval: 10 }).toBe(last);

test("a watch goes on from the version of the list, of objects and of bookmarks, when it ends or breaks off", async () => {
  const { one, asked, seen } = await clusterWith({
    lists: [{ items: [objectOf("a", "1")], metadata: { resourceVersion: "10" } }],
    watches: [
      (response) => response.end(line("MODIFIED", objectOf("a", "11"))),
      (response) => response.end(line("BOOKMARK", objectOf("", "20"))),
      (response) => response.write(line("DELETED", objectOf("a", "21")), () => response.destroy()),
    ],
  });
  await one.listed;
  await settled(asked, "watch 21");
  expect(asked).toEqual(["list", "watch 10", "watch 11", "watch 20", "watch 21"]);
  expect(seen).toEqual(["a 1", "there: a", "a 11", "gone a"]);
});

test("a version that is forgotten leads to a list, which names what is there", async () => {
  const { asked, seen, metrics } = await clusterWith({
    lists: [
      { items: [objectOf("a", "1"), objectOf("b", "2")], metadata: { resourceVersion: "10" } },
      { items: [objectOf("b", "2")], metadata: { resourceVersion: "50" } },
    ],
    watches: [(response) => response.end(line("ERROR", { code: 410, message: "too old resource version" }))],
  });
  await settled(asked, "watch 50");
  expect(asked).toEqual(["list", "watch 10", "list", "watch 50"]);
  expect(seen.at(-1)).toBe("there: b");
  expect(await metrics.text()).toContain('windlass_k8s_watcher_watch_restarts_total{resource="jobs",why="expired"} 1');
});

test("it keeps up again as soon as a watch that was begun anew says something", async () => {
  const { one, asked } = await clusterWith({
    lists: [{ items: [objectOf("a", "1")], metadata: { resourceVersion: "10" } }],
    watches: [
      (response) => response.write(line("MODIFIED", objectOf("a", "11")), () => response.destroy()),
      (response) => response.write(line("BOOKMARK", objectOf("", "20"))),
    ],
  });
  await settled(asked, "watch 11");
  await expect.poll(() => one.isCurrent(), { timeout: 10_000, interval: 10 }).toBe(true);
  expect(asked).toEqual(["list", "watch 10", "watch 11"]);
});

test("a right that is missing is told once, and asked for again now and then", async () => {
  const clock = fakeClock();
  const warnings: string[] = [];
  let asked = 0;
  const refuse = async (): Promise<object> => {
    asked++;
    return { status: 403, headers: {}, body: {} };
  };
  const client = { call: refuse } as unknown as ClusterClient;
  const over = new AbortController();
  const logger = { ...SILENT, warn: (message: string) => void warnings.push(message) };
  const one = informer(
    { client, what: "events", path: "/api/v1/events", isOptional: true, onObject: () => {}, onGone: () => {}, onListed: () => {} },
    { clock, random: seededRandom(1), logger, metrics: watcherMetrics(), signal: over.signal },
  );
  await one.listed;
  await clock.advance(3_600_000);
  expect(asked).toBeGreaterThan(5);
  expect(asked).toBeLessThan(30);
  expect(warnings).toHaveLength(1);
  expect(one.isCurrent()).toBe(false);
  over.abort();
  await one.done;
});

test("a list comes in pages", async () => {
  const { asked, seen } = await clusterWith({
    lists: [
      { items: [objectOf("a", "1")], metadata: { resourceVersion: "10", continue: "more" } },
      { items: [objectOf("b", "2")], metadata: { resourceVersion: "10" } },
    ],
    watches: [],
  });
  await settled(asked, "watch 10");
  expect(seen).toEqual(["a 1", "b 2", "there: a,b"]);
});

test.each([
  [403, "denied"],
  [401, "denied"],
  [500, "failed"],
])("an answer %i to what cannot be done without is counted as %s, and asked for again", async (status, why) => {
  const clock = fakeClock();
  let asked = 0;
  const refuse = async (): Promise<object> => {
    asked++;
    return { status, headers: {}, body: {} };
  };
  const client = { call: refuse } as unknown as ClusterClient;
  const over = new AbortController();
  const metrics = watcherMetrics();
  const one = informer(
    { client, what: "jobs", path: "/apis/batch/v1/jobs", onObject: () => {}, onGone: () => {}, onListed: () => {} },
    { clock, random: seededRandom(1), logger: SILENT, metrics, signal: over.signal },
  );
  await clock.until(async () => asked > 1, 60_000);
  expect(await metrics.text()).toContain(`windlass_k8s_watcher_watch_restarts_total{resource="jobs",why="${why}"}`);
  over.abort();
  await clock.advance(600_000);
  await one.done;
});

test.each([
  [true, false],
  [false, true],
])("with bookmarks (%s) a watch may be silent for as long as it lasts: %s", async (hasBookmarks, mayBeSilent) => {
  const watches: { readonly silentMsMax: number; readonly query: { readonly timeoutSeconds: number } }[] = [];
  const over = new AbortController();
  const client = {
    call: async () => ({ status: 200, headers: {}, body: { items: [], metadata: { resourceVersion: "1" } } }),
    stream: async (_: string, __: string, call: (typeof watches)[number]) => {
      watches.push(call);
      over.abort();
      throw new Error("over");
    },
  } as unknown as ClusterClient;
  const one = informer(
    { client, what: "events", path: "/api/v1/events", hasBookmarks, onObject: () => {}, onGone: () => {}, onListed: () => {} },
    { clock: fakeClock(), random: seededRandom(1), logger: SILENT, metrics: watcherMetrics(), signal: over.signal },
  );
  await one.done;
  expect(watches.map(({ silentMsMax, query }) => silentMsMax > query.timeoutSeconds * 1_000)).toEqual([mayBeSilent]);
});
