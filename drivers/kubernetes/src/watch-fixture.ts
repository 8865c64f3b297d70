/** For tests: stands in for whoever watches a cluster, in as few words as can be. What it saw is remembered by the real memory. */
import { linesOf, type EndedFact } from "@windlass/ports";
import { classify } from "./classify.ts";
import type { ClusterClient } from "./cluster-client.ts";
import { endedFact } from "./examine-job.ts";
import { FactMemory } from "./facts-memory.ts";
import { isSettled, type ClusterJob } from "./job-state.ts";
import { LABELS, labelSafe } from "./labels.ts";

export interface WatchedPlace {
  readonly client: ClusterClient;
  readonly namespace: string;
  readonly place: string;
  /** What was printed, by job. */
  readonly logs: Map<string, Buffer>;
}

type Seen = ClusterJob & {
  readonly status?: { readonly containerStatuses?: readonly { readonly name: string; readonly state: object }[] };
};
type Kind = "jobs" | "pods";

/** Verdicts that time alone changes are looked at again after this. */
const AGAIN_MS = 500;

/** Answers how to stop. */
export async function watchPlace(place: WatchedPlace, tell: (fact: EndedFact) => void): Promise<() => Promise<void>> {
  const watch = new PlaceWatch(place, tell);
  await watch.begin();
  return () => watch.end();
}

class PlaceWatch {
  readonly #at: WatchedPlace;
  readonly #tell: (fact: EndedFact) => void;
  readonly #memory = new FactMemory();
  readonly #jobs = new Map<string, ClusterJob>();
  readonly #told = new Set<string>();
  readonly #followed = new Map<string, Promise<void>>();
  readonly #end = new AbortController();
  #hasListed = false;
  #again: NodeJS.Timeout | null = null;

  constructor(at: WatchedPlace, tell: (fact: EndedFact) => void) {
    this.#at = at;
    this.#tell = tell;
  }

  async begin(): Promise<void> {
    await this.#watch("jobs");
    await this.#watch("pods");
    this.#hasListed = true;
    this.#lookAtAll();
    this.#again = setInterval(() => this.#lookAtAll(), AGAIN_MS);
  }

  async end(): Promise<void> {
    if (this.#again !== null) clearInterval(this.#again);
    this.#end.abort(new Error("the test is over"));
    await Promise.all(this.#followed.values());
  }

  #lookAtAll(): void {
    for (const uid of this.#jobs.keys()) void this.#look(uid).catch(() => {});
  }

  async #look(uid: string): Promise<void> {
    const [job, facts] = [this.#jobs.get(uid), this.#memory.facts(uid)];
    if (!this.#hasListed || job === undefined || facts === null || this.#told.has(uid) || isSettled(job)) return;
    const ended = classify(facts, Date.now());
    if (!ended.isFinal) return;
    this.#told.add(uid);
    try {
      for (const pod of facts.pods) await this.#followed.get(pod.uid);
      this.#tell(await endedFact(this.#at.client, { job, facts, ended, now: Date.now() }));
    } catch (error) {
      // Its log could not be read now: the next look tells it.
      this.#told.delete(uid);
      throw error;
    }
  }

  async #watch(kind: Kind): Promise<void> {
    const { client, namespace, place } = this.#at;
    const path = `${kind === "jobs" ? "/apis/batch/v1" : "/api/v1"}/namespaces/${namespace}/${kind}`;
    const labelSelector = `${LABELS.place}=${labelSafe(place)}`;
    const { items, metadata } = (await client.call("GET", path, { query: { labelSelector } })).body as {
      readonly items: readonly Seen[];
      readonly metadata: { readonly resourceVersion: string };
    };
    for (const object of items) this.#see(kind, "ADDED", object);
    const query = { labelSelector, watch: true, resourceVersion: metadata.resourceVersion };
    const stream = await client.stream("GET", path, { query, silentMsMax: 0, signal: this.#end.signal });
    void this.#read(kind, stream as AsyncIterable<Uint8Array>).catch(() => {});
  }

  async #read(kind: Kind, stream: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const line of linesOf(stream)) {
      const { type, object } = JSON.parse(line) as { readonly type: string; readonly object: Seen };
      this.#see(kind, type, object);
    }
  }

  #see(kind: Kind, type: string, object: Seen): void {
    const { uid } = object.metadata;
    if (kind === "jobs") {
      this.#jobs.set(uid, object);
      this.#memory.seeJob(object);
      if (type === "DELETED") this.#memory.loseJob(uid, Date.now(), true);
      void this.#look(uid).catch(() => {});
      return;
    }
    const owner = this.#memory.seePod(object, Date.now());
    const main = object.status?.containerStatuses?.find(({ name }) => name === "main");
    if (main !== undefined && !("waiting" in main.state) && !this.#followed.has(uid))
      this.#followed.set(
        uid,
        this.#follow(object).catch(() => {}),
      );
    if (type === "DELETED") this.#memory.losePod(uid, Date.now());
    if (owner !== null) void this.#look(owner).catch(() => {});
  }

  async #follow({ metadata: { name, labels = {} } }: Seen): Promise<void> {
    const { client, namespace, logs } = this.#at;
    const jobId = labels[LABELS.job] ?? "";
    const query = { container: "main", follow: true };
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/log`;
    const stream = await client.stream("GET", path, { query, silentMsMax: 0, signal: this.#end.signal });
    let read = Buffer.alloc(0);
    for await (const part of stream as AsyncIterable<Buffer>) {
      read = Buffer.concat([read, part]);
      // Others follow it, too, and may have begun sooner.
      if (stream.statusCode === 200 && read.length > (logs.get(jobId)?.length ?? 0)) logs.set(jobId, read);
    }
  }
}
