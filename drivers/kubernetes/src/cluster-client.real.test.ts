/** The way to a cluster, and what it answers. */
import { afterAll, describe, expect, test } from "vitest";
import { testCluster } from "@windlass/testkit";
import { clusterFixture } from "./cluster-fixture.ts";
import { refusalOf } from "./refusal.ts";

const cluster = testCluster();

describe.skipIf(cluster.missing)("on a cluster", () => {
  const fixture = clusterFixture(cluster);
  afterAll(() => fixture.close());

  test("answers are as the server gives them, refusals with the fields that are wrong", async () => {
    const { client, namespace } = await fixture.open();
    expect((await client.call("GET", "/version")).body).toMatchObject({ major: "1" });
    const bad = { apiVersion: "v1", kind: "Secret", metadata: { name: "No Name" } };
    const refused = await client.call("POST", `/api/v1/namespaces/${namespace}/secrets`, { body: bad });
    expect(refusalOf(refused)).toMatchObject({ status: 422, reason: "Invalid", causes: [{ field: "metadata.name" }] });
    expect((await client.call("GET", `/api/v1/namespaces/${namespace}/secrets/none`)).status).toBe(404);
  });

  test("a stream comes as it is written, and ends when it is aborted", async () => {
    const { client, namespace } = await fixture.open();
    const end = new AbortController();
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const stream = await client.stream("GET", path, { query: { watch: true }, silentMsMax: 0, signal: end.signal });
    await client.call("POST", path, { body: { metadata: { name: "seen" } } });
    let seen = "";
    await expect(
      (async () => {
        for await (const part of stream as AsyncIterable<Buffer>) {
          seen += part.toString();
          if (seen.includes('"seen"')) end.abort(new Error("seen"));
        }
      })(),
    ).rejects.toThrow("abort");
    expect(seen).toContain('"ADDED"');
  });
});

test("a cluster that does not answer is unavailable", async () => {
  const client = clusterFixture({ kubeconfig: "" }).unreachable();
  await expect(client.call("GET", "/version")).rejects.toMatchObject({ code: "unavailable" });
});
