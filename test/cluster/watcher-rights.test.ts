/** The rights that are shipped for the cluster watcher: with them it does all that it is to do, and they allow nothing else. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isJsonObject, type JsonObject } from "@windlass/kernel";
import type { ClusterClient } from "@windlass/kubernetes";
import { testCluster } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { RecordingServer } from "../../programs/k8s-watcher/src/server-fixture.ts";
import { clientOf, makeJob, watcherOf, watcherSite, type WatcherSite } from "../../programs/k8s-watcher/src/watcher-fixture.ts";
import { root } from "../architecture/source-files.ts";

const cluster = testCluster();
const RIGHTS = join(root, "deploy", "kubernetes", "base", "watcher-rbac.yaml");
const ACCOUNT = "windlass-k8s-watcher";

describe.skipIf(cluster.missing)("the rights of the cluster watcher", () => {
  let site: WatcherSite;
  let folder: string;
  let limited: ClusterClient;
  /** Belong to no namespace, so others may have theirs beside them. */
  const own = (name: string): string => `${name}-${site.namespace}`;

  const make = async (path: string, body: JsonObject): Promise<JsonObject> => {
    const answer = await site.client.call("POST", path, { body });
    if (answer.status !== 201) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
    return answer.body as JsonObject;
  };
  /** As they are shipped, but in the namespace of the test. */
  const moved = (text: string): string => text.replace(/namespace: windlass(-system)?$/gmu, `namespace: ${site.namespace}`);

  beforeAll(async () => {
    site = await watcherSite(cluster.kubeconfig);
    folder = mkdtempSync(join(tmpdir(), "windlass-rights-"));
    await make(`/api/v1/namespaces/${site.namespace}/serviceaccounts`, { metadata: { name: ACCOUNT } });
    for (const document of parseAllDocuments(moved(readFileSync(RIGHTS, "utf8")))) {
      const object = document.toJS() as {
        readonly kind: string;
        readonly metadata: { readonly name: string };
        readonly roleRef?: JsonObject;
      };
      const isOfCluster = object.kind.startsWith("Cluster");
      const kind = `${object.kind.toLowerCase()}s`;
      const named = isOfCluster
        ? {
            ...object,
            metadata: { name: own(object.metadata.name) },
            ...(object.roleRef === undefined ? {} : { roleRef: { ...object.roleRef, name: own(ACCOUNT) } }),
          }
        : object;
      const where = isOfCluster ? kind : `namespaces/${site.namespace}/${kind}`;
      await make(`/apis/rbac.authorization.k8s.io/v1/${where}`, named);
    }
    const { status } = await make(`/api/v1/namespaces/${site.namespace}/serviceaccounts/${ACCOUNT}/token`, {
      spec: { expirationSeconds: 3_600 },
    });
    const token = isJsonObject(status) ? status["token"] : undefined;
    const config = parse(readFileSync(cluster.kubeconfig, "utf8")) as { readonly contexts: readonly { readonly context: JsonObject }[] };
    const contexts = config.contexts.map((one) => ({ ...one, context: { ...one.context, user: "watcher" } }));
    writeFileSync(join(folder, "kubeconfig"), JSON.stringify({ ...config, contexts, users: [{ name: "watcher", user: { token } }] }));
    limited = clientOf(join(folder, "kubeconfig"));
  });
  afterAll(async () => {
    limited.close();
    for (const kind of ["clusterroles", "clusterrolebindings"])
      await site.client.call("DELETE", `/apis/rbac.authorization.k8s.io/v1/${kind}/${own(ACCOUNT)}`);
    await site.client.call("DELETE", `/api/v1/namespaces/${site.namespace}`);
    site.client.close();
    rmSync(folder, { recursive: true });
  });

  test("they are enough: an end comes with its evidence, its log and its node", async () => {
    const server = await new RecordingServer().open();
    const watcher = watcherOf(site, server, { client: limited });
    try {
      await watcher.start();
      await makeJob(site)("job_limited", "echo seen; exit 3");
      expect(await server.heard("job_limited")).toMatchObject({
        state: "failed",
        exitCode: 3,
        evidence: { nodes: [{ ready: true }], logTail: "seen" },
      });
      expect(watcher.state().watches).toEqual({ jobs: true, pods: true, events: true, nodes: true });
    } finally {
      await watcher.stop();
      await server.close();
    }
  });

  test("they are all that it has", async () => {
    const path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    const rulesIn = async (namespace: string): Promise<readonly string[]> => {
      const { body } = await limited.call("POST", path, { body: { spec: { namespace } } });
      const { status } = body as {
        readonly status: { readonly resourceRules: readonly { verbs: string[]; apiGroups: string[]; resources: string[] }[] };
      };
      return status.resourceRules.flatMap(({ verbs, apiGroups, resources }) =>
        apiGroups.flatMap((group) =>
          resources.map((resource) => `${verbs.toSorted().join(",")} ${group === "" ? "" : `${group}/`}${resource}`),
        ),
      );
    };
    // What every account may: ask about itself.
    const everybody = await rulesIn("kube-public");
    const nodes = "get,list,watch nodes";
    expect(everybody.filter((rule) => !rule.startsWith("create auth"))).toEqual([nodes]);
    const here = (await rulesIn(site.namespace)).filter((rule) => !everybody.includes(rule) || rule === nodes);
    expect(here.toSorted()).toEqual(["get pods/log", "get,list,watch batch/jobs", "get,list,watch events", nodes, "get,list,watch pods"]);
  });

  test.each([
    ["secrets", "", "get"],
    ["configmaps", "", "list"],
    ["pods", "", "create"],
    ["pods", "", "delete"],
    ["pods", "exec", "create"],
    ["pods", "attach", "create"],
    ["serviceaccounts", "token", "create"],
  ] as const)("%s %s: it may not %s", async (...[resource, subresource, verb]) => {
    const attributes = { namespace: site.namespace, resource, subresource, verb };
    const { body } = await limited.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
      body: { spec: { resourceAttributes: attributes } },
    });
    expect(body).toMatchObject({ status: { allowed: false } });
  });
});
