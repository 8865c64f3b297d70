/**
 * Whether a pod of an earlier attempt may still run: on a node that the cluster does not hear from it does, however long ago its
 * loss was told. What is exclusive is not made before that is over.
 *
 * R1. A pod is over when the cluster has it no more, or says how it ended. So whoever takes a node out of the cluster, or removes a
 *     pod by force, answers for it, as with every StatefulSet.
 * R2. A cluster that does not answer is no answer: whoever asks is to ask again.
 */
import { seconds, type Backoff } from "@windlass/kernel";
import type { LaunchRequest } from "@windlass/ports";
import { hasEnded } from "./facts.ts";
import { restAfter, type Patience } from "./back-pressure.ts";
import type { ClusterClient } from "./cluster-client.ts";
import type { JobRules } from "./job-body.ts";
import { LABELS, labelSafe, OUR_SELECTOR } from "./labels.ts";
import { isAccepted, unavailable } from "./refusal.ts";

/** Nobody hears of a pod that is gone while its attempt is being launched: it is asked for again, and a node is back when it is back. */
const LOOKS: Backoff = { initial: seconds(1), factor: 2, max: seconds(15), jitter: 0.3 };

interface Pod {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>>; readonly deletionTimestamp?: string };
  readonly spec?: { readonly nodeName?: string };
  readonly status?: { readonly phase?: string };
}

export interface Whose {
  readonly client: ClusterClient;
  readonly namespace: string;
  readonly rules: Pick<JobRules, "place">;
}

/** Resolves when none of them may run any more. Rejects when the waiting is ended, and when the cluster does not answer (R2). */
export async function untilEarlierAreOver(
  request: Pick<LaunchRequest, "jobId" | "attempt">,
  whose: Whose,
  { clock, chance, signal, onWait }: Patience,
): Promise<void> {
  if (request.attempt === 1) return;
  for (let looks = 1; ; looks++) {
    signal.throwIfAborted();
    const [first, ...more] = await earlierPods(request, whose);
    if (first === undefined) return;
    onWait({ reason: "earlier_attempt_runs", message: told(first, more.length) });
    await restAfter(LOOKS, looks, { clock, chance, signal });
  }
}

/** See R1. */
async function earlierPods(
  { jobId, attempt }: Pick<LaunchRequest, "jobId" | "attempt">,
  { client, namespace, rules }: Whose,
): Promise<readonly Pod[]> {
  const labelSelector = `${OUR_SELECTOR},${LABELS.place}=${labelSafe(rules.place)},${LABELS.job}=${jobId},${LABELS.attempt}!=${attempt}`;
  const answer = await client.call("GET", `/api/v1/namespaces/${namespace}/pods`, { query: { labelSelector } });
  if (!isAccepted(answer)) throw unavailable(answer);
  const { items } = answer.body as { readonly items: readonly Pod[] };
  return items.filter(({ status }) => !hasEnded({ phase: status?.phase ?? "" }));
}

function told({ metadata: { name, labels = {}, deletionTimestamp }, spec }: Pod, more: number): string {
  const where = spec?.nodeName === undefined ? "" : ` on the node ${spec.nodeName}`;
  const since = deletionTimestamp === undefined ? "" : `; it was to be gone by ${deletionTimestamp}`;
  const others = more === 0 ? "" : ` (and ${more} more)`;
  return `the pod ${name} of attempt ${labels[LABELS.attempt] ?? "?"} may still run${where}, for the cluster has not heard of its end${since}${others}`;
}
