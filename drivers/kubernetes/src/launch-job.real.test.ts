/** What a launch makes on a real cluster, what it waits for, and what never begins. */
import { encodeId, externalNameOf, WindlassError, type JsonObject } from "@windlass/kernel";
import type { Executor, LaunchRequest, Waiting } from "@windlass/ports";
import { testCluster } from "@windlass/testkit";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { clusterFixture } from "./cluster-fixture.ts";
import type { ClusterJob } from "./job-state.ts";
import type { KubernetesExecutorOptions } from "./kubernetes-executor.ts";

const cluster = testCluster();
const PATIENCE = { timeout: 60_000, interval: 50 };

describe.skipIf(cluster.missing)("on a cluster", () => {
  const fixture = clusterFixture(cluster);
  const executors: Executor[] = [];
  afterEach(async () => {
    for (const executor of executors.splice(0)) await executor.close();
  });
  afterAll(() => fixture.close());

  /** As much of any object, or list of them, as is looked at. */
  interface Seen extends ClusterJob {
    readonly spec: { readonly suspend?: boolean };
    readonly items: readonly Seen[];
  }
  interface Here {
    readonly executor: Executor;
    /** Of the namespace, or of all of the cluster when it begins with a slash. */
    readonly ask: (method: string, path: string, body?: object) => Promise<Seen>;
    readonly jobOf: (name: string) => Promise<Seen>;
    readonly podsOf: (name: string) => Promise<readonly Seen[]>;
  }
  const open = async (more: Partial<KubernetesExecutorOptions> = {}): Promise<Here> => {
    const { client, namespace } = await fixture.open();
    const executor = fixture.connect({ place: fixture.newPlace(), namespace, ...more });
    executors.push(executor);
    await executor.start(() => {});
    const core = `/api/v1/namespaces/${namespace}`;
    const ask: Here["ask"] = async (method, path, body) =>
      (await client.call(method, path.startsWith("/") ? path : `${core}/${path}`, body === undefined ? {} : { body })).body as Seen;
    return {
      executor,
      ask,
      jobOf: (name) => ask("GET", `/apis/batch/v1/namespaces/${namespace}/jobs/${name}`),
      podsOf: async (name) => (await ask("GET", "pods")).items.filter(({ metadata }) => metadata.labels?.["job-name"] === name),
    };
  };
  const spec = (script: string, more: JsonObject = {}): JsonObject => ({ image: cluster.image, command: ["sh", "-c", script], ...more });

  test("it begins only once its UID is recorded; what was refused stays suspended, is listed as made, and is swept by a stop", async () => {
    const { executor, jobOf, podsOf } = await open();
    const request = requestOf(spec("true"), { record: () => Promise.reject(new WindlassError("conflict", "the attempt was handed on")) });
    await expect(executor.launch(request)).rejects.toMatchObject({ code: "conflict" });
    const job = await jobOf(request.name);
    expect(job.spec.suspend).toBe(true);
    expect(await executor.list()).toMatchObject([{ name: request.name, ref: job.metadata.uid, state: "made" }]);
    expect(await podsOf(request.name)).toEqual([]);
    // Its successor takes over the same one.
    const recorded: string[] = [];
    const next = { ...request, record: async (ref: string) => void recorded.push(ref) };
    expect(await executor.launch(next)).toEqual({ ref: job.metadata.uid });
    expect(recorded).toEqual([job.metadata.uid]);
    const stale = requestOf(spec("true"), { record: () => Promise.reject(new WindlassError("conflict", "no")) });
    await expect(executor.launch(stale)).rejects.toMatchObject({ code: "conflict" });
    await executor.stop(stale.name, 0, "cancelled");
    await vi.waitFor(async () => expect(await executor.find(stale.name)).toBeNull(), PATIENCE);
  });

  test("a secret reaches its container, is nowhere else but in a Secret, and goes with its Job", async () => {
    const { executor, ask, jobOf, podsOf } = await open();
    const value = "s3cret-$(HOME)-$$";
    // Without the value itself, which is looked for below.
    const script = `[ "\${KEY#s3}" = 'cret-$(HOME)-$$' ] && [ "$TEXT" = '$(KEY)' ]`;
    const request = requestOf(spec(script, { env: { TEXT: "$(KEY)" } }), { secretEnvironment: { KEY: value } });
    const { ref } = (await executor.launch(request)) as { readonly ref: string };
    const end = await ended(executor, request.name);
    expect(end.result).toMatchObject({ outcome: "succeeded" });
    expect(JSON.stringify([await jobOf(request.name), await podsOf(request.name)])).not.toContain("s3cret");
    const secret = await ask("GET", `secrets/${request.name}`);
    expect(secret).toMatchObject({ immutable: true, metadata: { ownerReferences: [{ kind: "Job", uid: ref }] } });
    const { namespace } = (await jobOf(request.name)).metadata;
    await ask("DELETE", `/apis/batch/v1/namespaces/${namespace}/jobs/${request.name}`, { propagationPolicy: "Background" });
    await vi.waitFor(async () => expect(await ask("GET", `secrets/${request.name}`)).toMatchObject({ code: 404 }), PATIENCE);
  });

  test("what the cluster refuses is told with the fields that are wrong", async () => {
    const { executor } = await open({ namespaces: ["not-there"] });
    const refusedWith = async (given: JsonObject): Promise<unknown> => executor.launch(requestOf(given));
    const badSpec = (message: unknown): object => ({ refused: { outcome: "failed_config", reason: "bad_spec", message } });
    expect(await refusedWith(spec("true", { cpuRequest: 2, cpuLimit: 1 }))).toMatchObject(
      badSpec(expect.stringContaining("spec.template.spec.containers[0].resources.requests")),
    );
    expect(await refusedWith(spec("true", { kubernetes: { pod: { spec: { hostNetwrk: true } } } }))).toMatchObject(
      badSpec(expect.stringContaining("hostNetwrk")),
    );
    expect(await refusedWith(spec("true", { kubernetes: { namespace: "not-there" } }))).toMatchObject(
      badSpec(expect.stringContaining("not-there")),
    );
    expect(await refusedWith(spec("true", { kubernetes: { namespace: "kube-system" } }))).toMatchObject(
      badSpec(expect.stringContaining("is not allowed")),
    );
  });

  test("a quota is waited for and told of; a stop ends the waiting", async () => {
    const { executor, ask } = await open();
    const quota = { metadata: { name: "none" }, spec: { hard: { "count/jobs.batch": "0" } } };
    await ask("POST", "resourcequotas", quota);
    await vi.waitFor(
      async () => expect(await ask("GET", "resourcequotas/none")).toMatchObject({ status: { hard: quota.spec.hard } }),
      PATIENCE,
    );
    const told: Waiting[] = [];
    const observe = (waiting: Waiting): void => void told.push(waiting);
    const [waits, stopped] = [requestOf(spec("true"), { observe }), requestOf(spec("true"), { observe })];
    const [launched, refused] = [executor.launch(waits), executor.launch(stopped)];
    await vi.waitFor(() => expect(told).toHaveLength(2), PATIENCE);
    expect(told[0]).toMatchObject({ reason: "quota_exceeded", message: expect.stringContaining("count/jobs.batch") as string });
    await executor.stop(stopped.name, 0, "cancelled");
    expect(await refused).toMatchObject({ refused: { outcome: "cancelled" } });
    await ask("DELETE", "resourcequotas/none");
    expect(await launched).toHaveProperty("ref");
    expect(told.at(-1)).toMatchObject({ reason: null });
    expect((await ended(executor, waits.name)).result.outcome).toBe("succeeded");
  });

  test("what is exclusive is not made while a pod of an earlier attempt may still run", async () => {
    const { executor, ask, jobOf } = await open();
    // As of a pod on a node that is cut off: the cluster knows of it, and of no end of it.
    const labels = {
      "app.kubernetes.io/managed-by": "windlass",
      "windlass.dev/place": executor.place,
      "windlass.dev/attempt": "1",
    };
    const told: Waiting[] = [];
    const request = requestOf(spec("true", { kubernetes: { exclusive: true } }), { attempt: 2, observe: (why) => void told.push(why) });
    const pod = {
      metadata: { name: "earlier", labels: { ...labels, "windlass.dev/job-id": request.jobId } },
      spec: { schedulingGates: [{ name: "windlass.dev/test" }], containers: [{ name: "main", image: cluster.image }] },
    };
    expect(await ask("POST", "pods", pod)).toMatchObject({ status: { phase: "Pending" } });
    const launched = executor.launch(request);
    await vi.waitFor(() => expect(told).toHaveLength(1), PATIENCE);
    expect(told[0]).toMatchObject({ reason: "earlier_attempt_runs", message: expect.stringContaining("earlier of attempt 1") as string });
    expect(await jobOf(request.name)).toMatchObject({ code: 404 });
    await ask("DELETE", "pods/earlier");
    expect(await launched).toHaveProperty("ref");
    expect((await ended(executor, request.name)).result.outcome).toBe("succeeded");
  });

  test("all that a step may say of its pod is there when it runs", async () => {
    const { executor, ask, podsOf } = await open();
    await ask("POST", "configmaps", { metadata: { name: "conf" }, data: { word: "from-conf", ALSO: "from-all" } });
    await ask("POST", "serviceaccounts", { metadata: { name: "runner" } });
    const script = `[ "$WORD$ALSO$PATCHED" = from-conffrom-allyes ] && [ "$NODE" != "" ] && [ "$(cat /shared/first)" = init ] && [ "$(cat /conf/word)" = from-conf ] &&
      [ "$(pwd)" = /tmp ] && [ ! -e /var/run/secrets/kubernetes.io ] && until [ -e /shared/side ]; do sleep 0.1; done`;
    const shared = { name: "volume-0", mountPath: "/shared" };
    const request = requestOf(
      spec(script, {
        workingDir: "/tmp",
        env: {
          WORD: { valueFrom: { configMapKeyRef: { name: "conf", key: "word" } } },
          NODE: { valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
        },
        volumes: [
          { mountPath: "/shared", emptyDir: {} },
          { mountPath: "/conf", configMap: "conf" },
        ],
        kubernetes: {
          ...{ serviceAccount: "runner", nodeSelector: { "kubernetes.io/os": "linux" }, labels: { team: "a" }, annotations: { note: "b" } },
          ...{
            tolerations: [{ operator: "Exists" }],
            securityContext: { allowPrivilegeEscalation: false },
            envFrom: [{ configMapRef: { name: "conf" } }],
          },
          initContainers: [
            { name: "first", image: cluster.image, command: ["sh", "-c", "echo init > /shared/first"], volumeMounts: [shared] },
          ],
          sidecars: [
            { name: "side", image: cluster.image, command: ["sh", "-c", "touch /shared/side; sleep 600"], volumeMounts: [shared] },
          ],
          pod: { spec: { containers: [{ name: "main", env: [{ name: "PATCHED", value: "yes" }] }] } },
        },
      }),
    );
    await executor.launch(request);
    expect((await ended(executor, request.name)).result).toMatchObject({ outcome: "succeeded" });
    const [pod] = await podsOf(request.name);
    expect(pod?.metadata).toMatchObject({ labels: { team: "a", "windlass.dev/job-id": request.jobId }, annotations: { note: "b" } });
  });

  test("where a queue of Kueue is named, beginning it is left to Kueue", async () => {
    const { executor, jobOf } = await open();
    const request = requestOf(spec("true", { kubernetes: { kueueQueue: "team" } }));
    await executor.launch(request);
    const job = await jobOf(request.name);
    expect(job).toMatchObject({ spec: { suspend: true }, metadata: { labels: { "kueue.x-k8s.io/queue-name": "team" } } });
    expect(await executor.find(request.name)).toMatchObject({ state: "running" });
    await executor.stop(request.name, 0, "cancelled");
  });

  test("somebody else's Job of the name is left alone", async () => {
    const { executor, ask, jobOf } = await open();
    const request = requestOf(spec("true"));
    const { namespace } = (await ask("GET", "serviceaccounts/default")).metadata;
    const template = { spec: { restartPolicy: "Never", containers: [{ name: "a", image: cluster.image }] } };
    const foreign = { metadata: { name: request.name }, spec: { suspend: true, template } };
    await ask("POST", `/apis/batch/v1/namespaces/${namespace}/jobs`, foreign);
    await expect(executor.launch(request)).rejects.toMatchObject({ code: "conflict" });
    await executor.stop(request.name, 0, "cancelled");
    expect((await jobOf(request.name)).metadata).not.toHaveProperty("deletionTimestamp");
  });

  test("what is told to have ended while it still tries is removed once that is stored", async () => {
    const { executor, podsOf } = await open();
    const request = requestOf({ image: "not-there:1" });
    await executor.launch(request);
    await vi.waitFor(async () => expect(await podsOf(request.name)).toHaveLength(1), PATIENCE);
    await executor.forget(request.name);
    await vi.waitFor(async () => expect(await executor.find(request.name)).toBeNull(), PATIENCE);
    expect(await podsOf(request.name)).toEqual([]);
  });

  test("what nobody told of is seen by a look: exit code, last lines, output", async () => {
    const { executor } = await open();
    const [bad, good] = [requestOf(spec("echo last; exit 3")), requestOf(spec(`echo '{"a": 1}'`, { output: "json" }))];
    const large = requestOf(spec(`head -c 5000 /dev/zero | tr '\\0' 7 > $WINDLASS_OUTPUT`));
    for (const request of [bad, good, large]) await executor.launch(request);
    expect(await ended(executor, bad.name)).toMatchObject({
      stopped: false,
      result: { outcome: "failed", reason: "exit_code", exitCode: 3, evidence: { logTail: "last" } },
    });
    expect((await ended(executor, good.name)).result).toMatchObject({ outcome: "succeeded", output: { a: 1 } });
    expect((await ended(executor, large.name)).result).toMatchObject({ outcome: "failed", reason: "output_too_large" });
  });

  const ended = (executor: Executor, name: string) =>
    vi.waitFor(async () => {
      const fact = (await executor.examine?.(name)) ?? null;
      if (fact === null) throw new Error(`${name} has not ended`);
      return fact;
    }, PATIENCE);
});

let requests = 0;

function requestOf(spec: JsonObject, more: Partial<LaunchRequest> = {}): LaunchRequest {
  requests++;
  const jobId = encodeId("job", requests, new Uint8Array(10).fill(requests % 256));
  return { name: externalNameOf(jobId, "launch", 1), jobId, attempt: 1, spec, environment: {}, timeoutMs: null, graceMs: 1_000, ...more };
}
