/**
 * In the place of a node's kubelet and of the Job controller, for load only: each Job of Windlass that has begun is given a pod
 * at once, and, unless its image says that it is to stay, is told to have succeeded. Answers for the logs of its pods, too: one
 * line. Runs inside the network of the test cluster, at the address of a node that was stopped.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { ClusterClient, findCluster, isAccepted, OUR_SELECTOR } from "@windlass/kubernetes";
import { linesOf } from "@windlass/ports";
import { systemClock } from "../../programs/cli/src/machine/system-clock.ts";

export interface StandInOrder {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly node: string;
  readonly address: string;
  /** Files of the node's certificate. */
  readonly certificate: string;
  readonly key: string;
}

/** Of a Job whose container stays. */
export const STAYING_IMAGE = "busybox:stays";
const KUBELET_PORT = 10_250;
const AT_ONCE = 12;
const MERGE = "application/merge-patch+json";

interface Job {
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string };
  readonly spec: {
    readonly suspend?: boolean;
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec };
  };
}

interface PodSpec {
  readonly containers: readonly { readonly name: string; readonly image: string }[];
}

async function standIn(order: StandInOrder): Promise<void> {
  const access = findCluster({ environment: {}, kubeconfig: order.kubeconfig });
  if (access === null) throw new Error("no kubeconfig");
  const client = new ClusterClient({ access, clock: systemClock, pace: { perSecond: 10_000, burst: 10_000 }, callsMax: AT_ONCE });
  serveLogs(order);
  const seen = new Set<string>();
  const waiting: Job[] = [];
  let active = 0;
  const next = (): void => {
    while (active < AT_ONCE) {
      const job = waiting.shift();
      if (job === undefined) return;
      active++;
      void carryOut(client, order, job)
        .catch((error: unknown) => process.stderr.write(`${String(error)}\n`))
        .finally(() => {
          active--;
          next();
        });
    }
  };
  const query = { watch: true, labelSelector: OUR_SELECTOR, resourceVersion: "0" };
  const stream = await client.stream("GET", `/apis/batch/v1/namespaces/${order.namespace}/jobs`, { query, silentMsMax: 0 });
  process.stdout.write("ready\n");
  for await (const line of linesOf(stream as AsyncIterable<Uint8Array>)) {
    if (line === "") continue;
    const { object } = JSON.parse(line) as { readonly object: Job };
    if (object.spec.suspend === true || seen.has(object.metadata.uid)) continue;
    seen.add(object.metadata.uid);
    waiting.push(object);
    next();
  }
}

async function carryOut(client: ClusterClient, { namespace, node }: StandInOrder, job: Job): Promise<void> {
  const { name, uid } = job.metadata;
  const { template } = job.spec;
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const owner = { apiVersion: "batch/v1", kind: "Job", name, uid, controller: true };
  const pod = {
    metadata: {
      name: `${name}-x`,
      labels: { ...template.metadata.labels, "batch.kubernetes.io/controller-uid": uid },
      ownerReferences: [owner],
    },
    spec: { ...template.spec, nodeName: node },
  };
  await sent(client.call("POST", pods, { body: pod }));
  const stays = template.spec.containers[0]?.image === STAYING_IMAGE;
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  await sent(
    client.call("PATCH", `${pods}/${name}-x/status`, { body: { status: podStatus(template.spec, now, stays) }, contentType: MERGE }),
  );
  await sent(
    client.call("PATCH", `/apis/batch/v1/namespaces/${namespace}/jobs/${name}/status`, {
      body: { status: jobStatus(now, stays) },
      contentType: MERGE,
    }),
  );
}

function podStatus({ containers }: PodSpec, now: string, stays: boolean): object {
  const state = stays
    ? { running: { startedAt: now } }
    : { terminated: { exitCode: 0, reason: "Completed", startedAt: now, finishedAt: now, containerID: "stand-in://1" } };
  return {
    phase: stays ? "Running" : "Succeeded",
    startTime: now,
    containerStatuses: containers.map(({ name, image }) => ({
      ...{ name, image, imageID: image, restartCount: 0, ready: stays, started: stays, containerID: "stand-in://1" },
      state,
    })),
  };
}

function jobStatus(now: string, stays: boolean): object {
  if (stays) return { startTime: now, active: 1, ready: 1 };
  const condition = (type: string): object => ({ type, status: "True", lastProbeTime: now, lastTransitionTime: now });
  return {
    startTime: now,
    completionTime: now,
    succeeded: 1,
    uncountedTerminatedPods: {},
    conditions: [condition("SuccessCriteriaMet"), condition("Complete")],
  };
}

async function sent(call: ReturnType<ClusterClient["call"]>): Promise<void> {
  const answer = await call;
  if (!isAccepted(answer)) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`);
}

/** As a kubelet answers the API server: `GET /containerLogs/NAMESPACE/POD/CONTAINER`. Those of what stays stay open. */
function serveLogs({ certificate, key, address }: StandInOrder): void {
  const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
    response.writeHead(200, { "content-type": "text/plain" });
    if (request.url?.includes("stays") === true) response.flushHeaders();
    else response.end(`${new Date().toISOString().slice(0, -1)}000000Z done\n`);
  });
  server.keepAliveTimeout = 0;
  server.listen(KUBELET_PORT, address);
}

if (import.meta.main) await standIn(JSON.parse(process.argv[2] ?? "") as StandInOrder);
