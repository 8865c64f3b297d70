/**
 * One launch: the Job suspended, its Secret, its UID recorded, begun. May be repeated and broken off anywhere.
 *
 * J1. The cluster takes a name once: what is there is taken over when it says that it is of this attempt.
 * J2. It begins only once its UID is recorded under the launcher's token, and only as the object of that UID. A launcher that
 *     was frozen between the two is refused by one of them.
 * J3. What must not begin is left as it is, suspended: it may be the one that another launcher is about to begin. What belongs
 *     to nobody is swept by whoever compares the place.
 * J4. What is exclusive is made only when no pod of an earlier attempt may still run.
 */
import { WindlassError, type ContainerSpec, type Result } from "@windlass/kernel";
import type { Clock, Launched, LaunchRequest } from "@windlass/ports";
import { patiently, type Patience, type WhyWait } from "./back-pressure.ts";
import type { ClusterAnswer, ClusterClient } from "./cluster-client.ts";
import { untilEarlierAreOver } from "./earlier-pods.ts";
import { jobBody, namespaceOf, secretBody, type JobRules } from "./job-body.ts";
import { hasBegun, isOf, isSettled, type ClusterJob } from "./job-state.ts";
import { ANNOTATIONS } from "./labels.ts";
import { isAccepted, refusalOf, unavailable, type Refusal } from "./refusal.ts";

export interface LaunchContext {
  readonly client: ClusterClient;
  readonly rules: JobRules;
  readonly clock: Clock;
  readonly chance: () => number;
  /** Aborted by a stop. */
  readonly signal: AbortSignal;
}

/** Between a name that is taken and nothing under that name: somebody removes it at this moment. */
const LOOKS_MAX = 5;

export async function launchJob(request: LaunchRequest, spec: ContainerSpec, context: LaunchContext): Promise<Launched> {
  const job = await make(request, spec, context);
  if ("refused" in job) return job;
  const { name, uid, namespace } = job.metadata;
  if (!isOf(job, { ...request, place: context.rules.place }))
    throw new WindlassError("conflict", `the Job ${namespace}/${name} is there and is not the one of this attempt`);
  if (isSettled(job)) throw new WindlassError("conflict", `the Job ${namespace}/${name} has ended, and its end is stored`);
  if (hasBegun(job)) return { ref: uid };
  if (job.metadata.deletionTimestamp !== undefined) throw new WindlassError("unavailable", `the Job ${namespace}/${name} is being removed`);
  await giveSecrets(request, { uid, namespace }, context);
  context.signal.throwIfAborted();
  await request.record?.(uid);
  await begin(job, spec, context);
  return { ref: uid };
}

export function jobsPath(namespace: string, name = ""): string {
  return `/apis/batch/v1/namespaces/${namespace}/jobs${name === "" ? "" : `/${name}`}`;
}

async function make(
  request: LaunchRequest,
  spec: ContainerSpec,
  context: LaunchContext,
): Promise<ClusterJob | { readonly refused: Result }> {
  const { client, rules } = context;
  const namespace = namespaceOf(spec, rules);
  if (spec.kubernetes?.exclusive === true) await alone(request, namespace, context);
  const body = jobBody(request, spec, rules);
  // What a newer or older cluster does not know is told, not dropped.
  const query = { fieldValidation: "Strict" };
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const made = await waiting(request, context, () => client.call("POST", jobsPath(namespace), { body, query }));
    if (isAccepted(made)) return made.body as ClusterJob;
    const refusal = refusalOf(made);
    if (refusal.reason !== "AlreadyExists") return { refused: refusedBy(refusal, namespace) };
    const known = await client.call("GET", jobsPath(namespace, request.name));
    if (isAccepted(known)) return known.body as ClusterJob;
    if (known.status !== 404) throw unavailable(known);
  }
  throw new WindlassError("unavailable", `the Job ${namespace}/${request.name} comes and goes`);
}

/** One Secret for each attempt, whose values never change. One of an older Job of this name goes with that one. */
async function giveSecrets(
  request: LaunchRequest,
  job: { readonly uid: string; readonly namespace: string },
  context: LaunchContext,
): Promise<void> {
  if (Object.keys(request.secretEnvironment ?? {}).length === 0) return;
  const { client } = context;
  const path = `/api/v1/namespaces/${job.namespace}/secrets`;
  const made = await waiting(request, context, () => client.call("POST", path, { body: secretBody(request, job) }));
  if (isAccepted(made)) return;
  if (refusalOf(made).reason !== "AlreadyExists") throw unavailable(made);
  const known = await client.call("GET", `${path}/${request.name}`);
  const { metadata } = known.body as { readonly metadata?: { readonly ownerReferences?: readonly { readonly uid: string }[] } };
  if (isAccepted(known) && metadata?.ownerReferences?.some(({ uid }) => uid === job.uid) === true) return;
  if (isAccepted(known)) await client.call("DELETE", `${path}/${request.name}`);
  throw new WindlassError("unavailable", `a Secret of an older Job is in the way of ${request.name}`);
}

/** See J2. Left to Kueue where a queue is named: then it only says that we are done with it. */
async function begin(
  { metadata: { name, namespace, uid } }: ClusterJob,
  { kubernetes }: ContainerSpec,
  { client }: LaunchContext,
): Promise<void> {
  const spec = kubernetes?.kueueQueue === undefined ? { spec: { suspend: false } } : {};
  const body = { metadata: { uid, annotations: { [ANNOTATIONS.begun]: "true" } }, ...spec };
  const begun = await client.call("PATCH", jobsPath(namespace, name), { body, contentType: "application/merge-patch+json" });
  if (isAccepted(begun)) return;
  if (begun.status === 409 || begun.status === 422)
    throw new WindlassError("conflict", `the Job ${namespace}/${name} is another one than was recorded: ${refusalOf(begun).message}`);
  throw unavailable(begun);
}

/** See J4. */
async function alone(request: LaunchRequest, namespace: string, context: LaunchContext): Promise<void> {
  const { patience, over } = patienceOf(request, context);
  await untilEarlierAreOver(request, { ...context, namespace }, patience);
  over("no earlier attempt runs any more");
}

/** Made again while the cluster asks to wait. */
async function waiting(request: LaunchRequest, context: LaunchContext, call: () => Promise<ClusterAnswer>): Promise<ClusterAnswer> {
  const { patience, over } = patienceOf(request, context);
  const answer = await patiently(call, patience);
  over("the cluster takes it at last");
  return answer;
}

/** What is waited for is told, since explain shows it; and that it is over. */
function patienceOf(
  { observe }: LaunchRequest,
  { clock, chance, signal }: LaunchContext,
): { readonly patience: Patience; readonly over: (message: string) => void } {
  let told: WhyWait | null = null;
  const onWait = (why: WhyWait): void => {
    if (told?.message !== why.message) observe?.(why);
    told = why;
  };
  const over = (message: string): void => void (told === null || observe?.({ reason: null, message }));
  return { patience: { clock, chance, signal, onWait }, over };
}

/** A refusal that stays one. Throws for one that may pass. */
function refusedBy(refusal: Refusal, namespace: string): Result {
  const { status, message, causes } = refusal;
  const config = (reason: "bad_spec" | "admission_refused", text: string): Result => ({ outcome: "failed_config", reason, message: text });
  if (/admission webhook|ValidatingAdmissionPolicy|violates PodSecurity/u.test(message)) return config("admission_refused", message);
  const fields = causes.filter(({ field }) => field !== "").map(({ field, message: what }) => `${field}: ${what}`);
  if (status === 422 || status === 400 || status === 413) return config("bad_spec", fields.length === 0 ? message : fields.join("; "));
  if (status === 404) return config("bad_spec", `the namespace ${namespace} is not there: ${message}`);
  throw new WindlassError("unavailable", `the cluster does not take it: ${message}`);
}
