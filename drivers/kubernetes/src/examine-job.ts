/**
 * How an attempt ended, as far as it can still be seen in the cluster, when nobody who watches has told of it: one look at the
 * Job, its pods, what was said of them and their nodes, judged as whoever watches judges it.
 */
import {
  byteTail,
  lastLines,
  OUTPUT_TAIL_BYTES,
  outputOfStdout,
  withOutput,
  type ByteTail,
  type EndedFact,
  type FoundOutput,
} from "@windlass/ports";
import { MAIN_CONTAINER } from "@windlass/kernel";
import { classify, type Ended } from "./classify.ts";
import type { Graces } from "./classify-stuck.ts";
import type { ClusterClient } from "./cluster-client.ts";
import { endOf, type JobFacts, type PodFact } from "./facts.ts";
import type { FactMemory } from "./facts-memory.ts";
import type { ClusterJob } from "./job-state.ts";
import { ANNOTATIONS, LABELS } from "./labels.ts";
import { outputInFile } from "./output-file.ts";
import { isAccepted } from "./refusal.ts";

/** The end of a log that is read for the evidence and, where an output is promised, for that. */
const LOG_LINES = 10_000;
const EVIDENCE_LINES = 20;
const EVIDENCE_BYTES = 4_096;

export interface Examining {
  readonly client: ClusterClient;
  /** What was seen at the looks before: since when it waits. */
  readonly memory: FactMemory;
  readonly graces: Graces;
  readonly now: number;
}

/** Null: it goes on. */
export async function examineJob(job: ClusterJob, { client, memory, graces, now }: Examining): Promise<EndedFact | null> {
  const facts = await factsOf(job, { client, memory, now });
  const verdict = facts === null ? null : classify(facts, now, graces);
  if (facts === null || verdict === null || !verdict.isFinal) return null;
  memory.forget(job.metadata.uid);
  return endedFact(client, { job, facts, ended: verdict, now });
}

async function factsOf(job: ClusterJob, { client, memory, now }: Omit<Examining, "graces">): Promise<JobFacts | null> {
  const { namespace, uid } = job.metadata;
  memory.seeJob(job);
  const core = `/api/v1/namespaces/${namespace}`;
  const list = async (path: string, query: Readonly<Record<string, string>>): Promise<readonly Listed[] | null> => {
    const answer = await client.call("GET", path, { query });
    // What may not be read is not known; the verdict does without.
    return isAccepted(answer) ? (answer.body as { readonly items: readonly Listed[] }).items : null;
  };
  const listed = await list(`${core}/pods`, { labelSelector: `batch.kubernetes.io/controller-uid=${uid}` });
  const pods = listed ?? [];
  for (const pod of pods) memory.seePod(pod, now);
  const there = new Set(pods.map(({ metadata }) => metadata.uid));
  for (const pod of listed === null ? [] : (memory.facts(uid)?.pods ?? [])) if (!there.has(pod.uid)) memory.losePod(pod.uid, now);
  for (const { metadata } of [job, ...pods])
    for (const event of (await list(`${core}/events`, { fieldSelector: `involvedObject.uid=${metadata.uid}` })) ?? [])
      memory.seeEvent(event);
  for (const node of new Set(pods.flatMap(({ spec }) => spec?.nodeName ?? []))) {
    const answer = await client.call("GET", `/api/v1/nodes/${node}`);
    if (isAccepted(answer)) memory.seeNode(answer.body);
  }
  return memory.facts(uid);
}

interface Listed {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec?: { readonly nodeName?: string };
}

export interface Judged {
  readonly job: ClusterJob;
  readonly facts: JobFacts;
  readonly ended: Ended;
  readonly now: number;
}

export async function endedFact(client: ClusterClient, { job, facts, ended, now }: Judged): Promise<EndedFact> {
  const { name, namespace, uid, labels = {}, annotations = {} } = job.metadata;
  const pod = facts.pods.at(-1) ?? null;
  const log = pod === null || pod.goneAt !== null ? null : await readLog(client, namespace, pod.name);
  const output = ended.outcome === "cancelled" ? null : outputOf(pod, { log, isPromised: annotations[ANNOTATIONS.output] === "true" });
  const { outcome, reason, message, exitCode, signal } = ended;
  const endedAt = ended.endedAt ?? now;
  const startedAt = startOf(pod) ?? Date.parse(job.status?.startTime ?? "");
  const result = {
    ...{ outcome, reason, message },
    ...(exitCode === null ? {} : { exitCode }),
    ...(signal === null ? {} : { signal }),
    evidence: { ...ended.evidence, ...(log === null ? {} : { logTail: lastLines(log.read(), EVIDENCE_LINES, EVIDENCE_BYTES) }) },
  };
  return {
    ...{ name, jobId: labels[LABELS.job] ?? "", attempt: Number(labels[LABELS.attempt]), ref: uid },
    result: withOutput(result, output),
    stopped: facts.job.stopFor !== null && outcome === (facts.job.stopFor === "failed_timeout" ? "failed_timeout" : "cancelled"),
    startedAt: Number.isNaN(startedAt) ? endedAt : Math.min(startedAt, endedAt),
    endedAt,
  };
}

function startOf(pod: PodFact | null): number | null {
  const main = pod?.containers.find(({ name }) => name === MAIN_CONTAINER);
  return main === undefined ? null : (endOf(main)?.startedAt ?? null);
}

/** The file comes first, as everywhere. */
function outputOf(pod: PodFact | null, { log, isPromised }: { readonly log: ByteTail | null; readonly isPromised: boolean }): FoundOutput {
  const inFile = outputInFile(pod ?? undefined);
  if (inFile !== null || !isPromised) return inFile;
  const bytes = log?.read() ?? new Uint8Array();
  return outputOfStdout(bytes, log?.wasCut === true);
}

async function readLog(client: ClusterClient, namespace: string, pod: string): Promise<ByteTail | null> {
  // A limit of bytes would be counted from the first of these lines, and leave out the last ones.
  const query = { container: MAIN_CONTAINER, tailLines: LOG_LINES };
  const answer = await client.stream("GET", `/api/v1/namespaces/${namespace}/pods/${pod}/log`, { query });
  const tail = byteTail(OUTPUT_TAIL_BYTES);
  for await (const part of answer as AsyncIterable<Uint8Array>) tail.push(part);
  return answer.statusCode === 200 ? tail : null;
}
