/** `windlass conformance kubernetes`: whether deaths are told apart on somebody's own cluster. */
import { messageOf, seconds, WindlassError } from "@windlass/kernel";
import { conformance, confusionOf, deathsWith } from "@windlass/k8s-watcher";
import { ClusterClient, DEFAULT_GRACES, findCluster, isAccepted, refusalOf, whereClustersAre } from "@windlass/kubernetes";
import { programLog } from "../machine/program-log.ts";
import { systemClock } from "../machine/system-clock.ts";
import { systemRandom } from "../machine/system-random.ts";
import { conformanceText, isConformant } from "../output/conformance-text.ts";
import type { Call } from "../tree/call.ts";

export interface ConformanceOptions {
  readonly namespace?: string;
  readonly image?: string;
  readonly rounds?: number;
  readonly kubeconfig?: string;
  readonly kubeContext?: string;
  /** Milliseconds. */
  readonly grace?: number;
}

const USUAL_IMAGE = "busybox:1";
const GRACE_MS: number = seconds(5);
const PACE = { perSecond: 100, burst: 200 };

export async function checkKubernetes(call: Call<ConformanceOptions>): Promise<number> {
  const { options, environment, terminal } = call;
  const where = { environment, kubeconfig: options.kubeconfig ?? "", context: options.kubeContext ?? "" };
  const access = findCluster(where);
  if (access === null) throw new WindlassError("usage", `no way to a cluster is known; looked at ${whereClustersAre(where)}`);
  const client = new ClusterClient({ access, clock: systemClock, pace: PACE, callsMax: 20 });
  const namespace = options.namespace ?? `windlass-conformance-${Buffer.from(systemRandom.bytes(3)).toString("hex")}`;
  if (options.namespace === undefined) await makeNamespace(client, namespace);
  terminal.err(`Deaths are brought about in the namespace ${namespace} of ${access.told}.\n`);
  const graceMs = options.grace ?? GRACE_MS;
  const image = options.image ?? USUAL_IMAGE;
  try {
    const results = await conformance({
      client,
      namespace,
      deaths: deathsWith(image),
      image,
      rounds: options.rounds ?? 1,
      graces: { ...DEFAULT_GRACES, imagePullMs: graceMs, configMs: graceMs, unschedulableMs: graceMs },
      clock: systemClock,
      random: systemRandom,
      logger: programLog("stderr", environment["WINDLASS_LOG"] ?? "error"),
      onResult: ({ death, round, found, seconds: took }) =>
        terminal.err(`  ${death} ${round}: ${found ?? "nothing was told"}${took === null ? "" : `, after ${took.toFixed(1)} s`}\n`),
    });
    const confusion = confusionOf(results);
    terminal.out(call.format === "json" ? `${JSON.stringify(confusion)}\n` : conformanceText(confusion, terminal.style));
    return isConformant(confusion) ? 0 : 1;
  } finally {
    if (options.namespace === undefined)
      await client
        .call("DELETE", `/api/v1/namespaces/${namespace}`)
        .catch((error: unknown) => terminal.err(`The namespace ${namespace} could not be removed: ${messageOf(error)}\n`));
    client.close();
  }
}

async function makeNamespace(client: ClusterClient, namespace: string): Promise<void> {
  const made = await client.call("POST", "/api/v1/namespaces", { body: { metadata: { name: namespace } } });
  if (isAccepted(made)) return;
  throw new WindlassError("forbidden", `the namespace ${namespace} cannot be made: ${refusalOf(made).message}; name one with --namespace`);
}
