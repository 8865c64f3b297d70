/**
 * The Executor for containers on a Kubernetes cluster. The cluster is the supervisor: it outlives this process and every
 * server, keeps names apart, and takes its own time. How an attempt ended is told over the API by whoever watches the cluster;
 * here it is only made, ended, found, and looked at when nobody has told.
 *
 * E1. Nothing is asked at intervals for any one attempt: one list for all of them.
 * E2. A cluster that is out of reach is no cluster without Jobs: what cannot be listed is an error, and nothing is lost by it.
 * E3. A Job whose end is stored stays until its time is over, marked as settled: its name cannot be taken again meanwhile.
 */
import { faultsOfContainerSpec, messageOf, resultOfStop, WindlassError, type ContainerSpec } from "@windlass/kernel";
import type { Clock, EndedFact, Executor, Found, Launched, LaunchRequest, Logger, Waiting } from "@windlass/ports";
import { throughOutages } from "./back-pressure.ts";
import type { AccessOptions } from "./cluster-access.ts";
import type { ClusterClient } from "./cluster-client.ts";
import { tooOld, versionOf } from "./cluster-version.ts";
import type { Graces } from "./classify-stuck.ts";
import { examineJob } from "./examine-job.ts";
import { FactMemory } from "./facts-memory.ts";
import { faultsOnCluster, type JobRules } from "./job-body.ts";
import { foundOf, isOf, type ClusterJob } from "./job-state.ts";
import { LABELS, labelSafe, OUR_SELECTOR } from "./labels.ts";
import { jobsPath, launchJob } from "./launch-job.ts";
import { isAccepted, unavailable } from "./refusal.ts";
import { hasEndedPod, stopJob } from "./stop-job.ts";
import type { Pace } from "./request-pace.ts";

export interface KubernetesExecutorOptions extends AccessOptions, JobRules {
  /** False: nobody wants a cluster here; whatever is to be launched on one is refused with a sentence. True when left out. */
  readonly isWanted?: boolean;
  readonly runningMax: number;
  readonly pace: Pace;
  /** Requests under way at once. */
  readonly callsMax: number;
  /** What is waited for before it counts, when nobody who watches tells of an attempt. As told to whoever watches. */
  readonly graces: Graces;
  readonly clock: Clock;
  readonly random: { next(): number };
  readonly logger?: Logger;
}

/** Jobs that one answer lists. */
const PAGE = 500;
/** What was seen of so many that go on is remembered from one look to the next. */
const EXAMINED_MAX = 1_000;

export function kubernetesExecutor(options: KubernetesExecutorOptions): Executor {
  return new KubernetesExecutor(options);
}

class LaunchStopped extends Error {
  readonly stopFor: Parameters<Executor["stop"]>[2];

  constructor(stopFor: Parameters<Executor["stop"]>[2]) {
    super("it was stopped before it had begun");
    this.stopFor = stopFor;
  }
}

interface Connected {
  readonly client: ClusterClient;
  /** Why nothing can be launched there; null: nothing speaks against it. */
  readonly refusal: string | null;
}

class KubernetesExecutor implements Executor {
  readonly name = "kubernetes";
  readonly place: string;
  readonly runningMax: number;
  readonly isWatchedOutside = true;
  readonly #options: KubernetesExecutorOptions;
  readonly #launching = new Map<string, { readonly abort: AbortController; readonly done: Promise<Launched> }>();
  #examined = new FactMemory();
  #connected: Connected | null = null;
  #connecting: Promise<Connected | null> | null = null;

  constructor(options: KubernetesExecutorOptions) {
    this.#options = options;
    this.place = options.place;
    this.runningMax = options.runningMax;
  }

  /** Nobody is waited for: a cluster that is out of reach now must not keep a server from starting. */
  async start(): Promise<void> {
    void this.#connect().catch((error: unknown) => this.#options.logger?.warn("the cluster is out of reach", { error: messageOf(error) }));
  }

  async launch(request: LaunchRequest): Promise<Launched> {
    const faults = faultsOfContainerSpec(request.spec);
    const spec = request.spec as unknown as ContainerSpec;
    const here = faults.length > 0 ? faults : faultsOnCluster(spec, this.#options);
    if (here.length > 0) {
      const message = here.map((fault) => `${fault.path}: ${fault.message}`).join("; ");
      return { refused: { outcome: "failed_config", reason: "bad_spec", message } };
    }
    const known = this.#launching.get(request.name);
    if (known !== undefined) return known.done;
    const abort = new AbortController();
    const done = this.#launchOnce(request, spec, abort.signal).finally(() => this.#launching.delete(request.name));
    this.#launching.set(request.name, { abort, done });
    return done;
  }

  async find(name: string): Promise<Found | null> {
    const job = await this.#jobOf(name);
    return job === null ? null : foundOf(job, this.place);
  }

  /** See E1 and E2. */
  async list(): Promise<readonly Found[]> {
    const connected = await this.#connect();
    if (connected === null) return [];
    const labelSelector = `${OUR_SELECTOR},${LABELS.place}=${labelSafe(this.place)},!${LABELS.settled}`;
    const found: Found[] = [];
    for (const namespace of this.#namespaces())
      for (let next = ""; ;) {
        const query = { labelSelector, limit: PAGE, ...(next === "" ? {} : { continue: next }) };
        const answer = await connected.client.call("GET", jobsPath(namespace), { query });
        if (!isAccepted(answer)) throw unavailable(answer);
        const { items, metadata } = answer.body as {
          readonly items: readonly ClusterJob[];
          readonly metadata: { readonly continue?: string };
        };
        found.push(...items.flatMap((job) => foundOf(job, this.place) ?? []));
        next = metadata.continue ?? "";
        if (next === "") break;
      }
    return found;
  }

  async stop(name: string, graceMs: number, stopFor: Parameters<Executor["stop"]>[2]): Promise<void> {
    this.#launching.get(name)?.abort.abort(new LaunchStopped(stopFor));
    const connected = await this.#connect();
    const job = await this.#jobOf(name);
    if (connected === null || job === null || foundOf(job, this.place) === null) return;
    await stopJob(connected.client, job, { graceMs, stopFor });
  }

  async examine(name: string): Promise<EndedFact | null> {
    const connected = await this.#connect();
    const job = await this.#jobOf(name);
    if (connected === null || job === null || foundOf(job, this.place) === null) return null;
    if (this.#examined.size >= EXAMINED_MAX) this.#examined = new FactMemory();
    const { clock, graces } = this.#options;
    return examineJob(job, { client: connected.client, memory: this.#examined, graces, now: clock.now() });
  }

  /** See E3. */
  async forget(name: string): Promise<void> {
    const connected = await this.#connect();
    if (connected !== null && (await this.#markSucceeded(connected.client, name))) return;
    const job = await this.#jobOf(name);
    const found = job === null ? null : foundOf(job, this.place);
    if (connected === null || job === null || found === null) return;
    // What could not begin (no image) is told to have ended while it still tries; what did end says so in a moment.
    if (found.state === "running" && !(await hasEndedPod(connected.client, job)))
      return stopJob(connected.client, job, { graceMs: 0, stopFor: "cancelled" });
    const { namespace, uid } = job.metadata;
    const body = { metadata: { uid, labels: { [LABELS.settled]: "true" } } };
    const marked = await connected.client.call("PATCH", jobsPath(namespace, name), { body, contentType: "application/merge-patch+json" });
    if (!isAccepted(marked) && ![404, 409, 422].includes(marked.status)) throw unavailable(marked);
  }

  /** Most succeed: one request is enough where the Job itself says so. False: it does not, or it is not there. */
  async #markSucceeded(client: ClusterClient, name: string): Promise<boolean> {
    const body = [
      { op: "test", path: "/status/succeeded", value: 1 },
      { op: "test", path: `/metadata/labels/${pointerPart(LABELS.place)}`, value: labelSafe(this.place) },
      { op: "add", path: `/metadata/labels/${pointerPart(LABELS.settled)}`, value: "true" },
    ];
    for (const namespace of this.#namespaces()) {
      const answer = await client.call("PATCH", jobsPath(namespace, name), { body, contentType: "application/json-patch+json" });
      if (isAccepted(answer)) return true;
      if (answer.status !== 404) return false;
    }
    return false;
  }

  async close(): Promise<void> {
    const launches = [...this.#launching.values()];
    for (const { abort } of launches) abort.abort(new WindlassError("unavailable", "the server is stopping"));
    await Promise.allSettled(launches.map(({ done }) => done));
    this.#connected?.client.close();
  }

  async #launchOnce(request: LaunchRequest, spec: ContainerSpec, signal: AbortSignal): Promise<Launched> {
    const { clock, random } = this.#options;
    try {
      const patience = { clock, chance: () => random.next(), signal, onWait: (why: Waiting) => request.observe?.(why) };
      return await throughOutages(() => this.#launchNow(request, spec, signal), patience);
    } catch (error) {
      if (!(error instanceof LaunchStopped)) throw error;
      const job = await this.#jobOf(request.name);
      if (job !== null && isOf(job, { ...request, place: this.place }) && this.#connected !== null)
        await stopJob(this.#connected.client, job, { graceMs: 0, stopFor: error.stopFor });
      return { refused: resultOfStop(error.stopFor) };
    }
  }

  async #launchNow(request: LaunchRequest, spec: ContainerSpec, signal: AbortSignal): Promise<Launched> {
    const { clock, random } = this.#options;
    const connected = await this.#connect();
    if (connected === null) return noCluster(spec, await this.#whereClustersAre());
    if (connected.refusal !== null) return { refused: { outcome: "failed_config", reason: "no_executor", message: connected.refusal } };
    const context = { client: connected.client, rules: this.#options, clock, chance: () => random.next(), signal };
    return launchJob(request, spec, context);
  }

  /** In whichever of its namespaces it is. */
  async #jobOf(name: string): Promise<ClusterJob | null> {
    const connected = await this.#connect();
    if (connected === null) return null;
    for (const namespace of this.#namespaces()) {
      const answer = await connected.client.call("GET", jobsPath(namespace, name));
      if (isAccepted(answer)) return answer.body as ClusterJob;
      if (answer.status !== 404) throw unavailable(answer);
    }
    return null;
  }

  #namespaces(): readonly string[] {
    return [...new Set([this.#options.namespace, ...this.#options.namespaces])];
  }

  /** Null when there is none. Throws `unavailable` when it is there and does not answer. Calls that come together are one. */
  async #connect(): Promise<Connected | null> {
    if (this.#connected !== null || this.#options.isWanted === false) return this.#connected;
    this.#connecting ??= this.#look().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  /** The official client is large, and is loaded only where there is a cluster to be found. */
  async #look(): Promise<Connected | null> {
    const { findCluster } = await import("./cluster-access.ts");
    const { ClusterClient: Client } = await import("./cluster-client.ts");
    const access = findCluster(this.#options);
    if (access === null) return null;
    const client = new Client({ ...this.#options, access });
    const answer = await client.call("GET", "/version");
    if (!isAccepted(answer)) {
      client.close();
      throw unavailable(answer);
    }
    const version = versionOf(answer.body);
    const refusal = version.isSupported ? null : tooOld(version);
    this.#options.logger?.info(
      `containers run on the cluster ${access.told}, Kubernetes ${version.told}`,
      refusal === null ? {} : { refusal },
    );
    this.#connected = { client, refusal };
    return this.#connected;
  }

  async #whereClustersAre(): Promise<string> {
    return (await import("./cluster-access.ts")).whereClustersAre(this.#options);
  }
}

/** As a part of a JSON pointer (RFC 6901). */
function pointerPart(text: string): string {
  return text.replaceAll("~", "~0").replaceAll("/", "~1");
}

function noCluster({ image }: ContainerSpec, where: string): Launched {
  const message = `there is no cluster here to run the image ${image} (looked at ${where}); set KUBECONFIG, or WINDLASS_KUBERNETES_ENABLED=yes where one of them is there, or choose another executor`;
  return { refused: { outcome: "failed_config", reason: "no_executor", message } };
}
