/** The corpus on a cluster, all of it at once: each file ends as it does as a process and in a container of podman. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { client } from "@windlass/sdk";
import { testCluster } from "@windlass/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CORPUS, prepareCorpus, runAll, writtenOf } from "../corpus/run-corpus.ts";
import { stranger, until, type Stranger } from "../e2e/stranger.ts";

const cluster = testCluster();
const ALL_MS_MAX = 600_000;

describe.skipIf(cluster.missing)("the corpus", () => {
  const namespace = `windlass-corpus-${process.pid}`;
  let here: Stranger;
  beforeEach(async () => {
    here = stranger();
    await cluster.lab("kubectl", "create", "namespace", namespace);
  });
  afterEach(async () => {
    await here.leave();
    await cluster.lab("kubectl", "delete", "namespace", namespace, "--wait=false");
  });

  test("on a cluster, that an option names, or the file", { timeout: ALL_MS_MAX }, async () => {
    const environment = {
      KUBECONFIG: cluster.kubeconfig,
      WINDLASS_KUBERNETES_NAMESPACE: namespace,
      WINDLASS_INTERNAL_API_TOKEN: "an-internal-token-for-tests",
      WINDLASS_WATCHER_IMAGE_PULL_GRACE_SECONDS: "5",
    };
    const server = await here.serverWith(environment);
    const watcher = here.start(["k8s-watcher", "--server", server.url, "--port", "0"], environment);
    await until(watcher, "Figures are on port");
    const api = client({ url: server.url, token: readFileSync(join(here.folder, ".windlass/token"), "utf8").trim() });
    await prepareCorpus(api);
    const { image } = cluster;
    // What the file says does not reach the workflows that it runs; the option does.
    const by = (name: string, index: number) => (index % 2 === 0 || name === "sub-workflow" ? "option" : "file");
    await cluster.onceMoreAfterLoss({
      namespace,
      run: () => runAll(CORPUS, { api, image, executor: "kubernetes", by }),
      compare: (told) => expect(told).toEqual(writtenOf(CORPUS)),
    });
    const made = await cluster.lab("kubectl", "-n", namespace, "get", "jobs", "-o", "name");
    expect(made.trim().split("\n").length).toBeGreaterThan(CORPUS.length);
  });
});
