/** One look at a cluster, for `windlass doctor`: whether it answers, its version, its namespace, what may be done there. */
import type { Clock } from "@windlass/ports";
import { findCluster, type AccessOptions } from "./cluster-access.ts";
import { ClusterClient } from "./cluster-client.ts";
import { tooOld, versionOf } from "./cluster-version.ts";
import { isAccepted, refusalOf } from "./refusal.ts";

export interface ClusterProbe {
  readonly told: string;
  readonly version: string;
  /** What keeps Jobs from being made there, and what to do about it. */
  readonly faults: readonly { readonly found: string; readonly mend: string }[];
}

/** What a launcher does there. */
const NEEDED = [
  ["batch", "jobs", ["create", "get", "list", "patch", "delete"]],
  ["", "secrets", ["create", "get", "delete"]],
  ["", "pods", ["get", "list", "delete"]],
] as const;
const PACE = { perSecond: 50, burst: 50 };

/** Null: there is no way to any. Throws `unavailable` when it does not answer. */
export async function probeCluster({
  namespace,
  clock,
  ...options
}: AccessOptions & { readonly namespace: string; readonly clock: Clock }): Promise<ClusterProbe | null> {
  const access = findCluster(options);
  if (access === null) return null;
  const client = new ClusterClient({ access, clock, pace: PACE, callsMax: 10 });
  try {
    const answer = await client.call("GET", "/version", { silentMsMax: 3_000 });
    if (!isAccepted(answer))
      return { told: access.told, version: "?", faults: [{ found: refusalOf(answer).message, mend: "kubectl cluster-info" }] };
    const version = versionOf(answer.body);
    const faults = version.isSupported ? await rightsMissing(client, namespace) : [{ found: tooOld(version), mend: "upgrade the cluster" }];
    return { told: access.told, version: version.told, faults };
  } finally {
    client.close();
  }
}

async function rightsMissing(client: ClusterClient, namespace: string): Promise<ClusterProbe["faults"]> {
  const there = await client.call("GET", `/api/v1/namespaces/${namespace}`);
  if (there.status === 404) return [{ found: `the namespace ${namespace} is not there`, mend: `kubectl create namespace ${namespace}` }];
  const asked = NEEDED.flatMap(([group, resource, verbs]) => verbs.map((verb) => ({ namespace, group, resource, verb })));
  const answers = await Promise.all(
    asked.map(async (resourceAttributes) => {
      const body = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec: { resourceAttributes } };
      const review = await client.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", { body });
      const { status } = review.body as { readonly status?: { readonly allowed?: boolean } };
      return isAccepted(review) && status?.allowed !== true ? [`${resourceAttributes.verb} ${resourceAttributes.resource}`] : [];
    }),
  );
  const missing = answers.flat();
  if (missing.length === 0) return [];
  return [{ found: `it may not ${missing.join(", ")} in ${namespace}`, mend: "kubectl apply -k deploy/kubernetes/base" }];
}
