/**
 * `npm run conformance -- [--rounds 5] [--grace 5] [--node-grace 50] [--eviction-seconds 300]`: every death on the test cluster,
 * so many times, those of lost nodes among them, with the times of Kubernetes when nothing else is said. Prints how soon each
 * was told, what was taken for what, and the goals; exit code 1 when less than 99 % were told right or a goal was missed.
 * Takes about ten minutes, as root.
 */
import { parseArgs } from "node:util";
import { conformance, confusionOf, deathsWith, type Confusion, type ConformanceOptions, type DeathResult } from "@windlass/k8s-watcher";
import { ClusterClient, DEFAULT_GRACES, findCluster } from "@windlass/kubernetes";
import { BUSYBOX_IMAGE, findLab, startLab, type Lab } from "@windlass/testkit/lab";
import { programLog } from "../../../programs/cli/src/machine/program-log.ts";
import { systemClock } from "../../../programs/cli/src/machine/system-clock.ts";
import { systemRandom } from "../../../programs/cli/src/machine/system-random.ts";
import { conformanceText, isConformant } from "../../../programs/cli/src/output/conformance-text.ts";
import { plainStyle } from "../../../programs/cli/src/output/style.ts";
import { NODES, nodeDeaths } from "./node-deaths.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    grace: { type: "string", default: "5" },
    "node-grace": { type: "string", default: "50" },
    "eviction-seconds": { type: "string", default: "300" },
  },
});
const [rounds, graceMs] = [Number(values.rounds), 1000 * Number(values.grace)];
const NAMESPACE = "windlass-conformance";
const PACE = { perSecond: 100, burst: 200 };

const programs = findLab(process.env);
if (typeof programs === "string") throw new Error(programs);
const lab = await startLab(programs, {
  nodes: NODES,
  nodeGraceSeconds: Number(values["node-grace"]),
  evictionSeconds: Number(values["eviction-seconds"]),
});
// The cluster ends with this program, whatever ends it.
try {
  const confusion = confusionOf(await bringAbout(lab));
  process.stdout.write(conformanceText(confusion, plainStyle));
  const missed = goals(confusion);
  process.exitCode = isConformant(confusion) && missed === 0 ? 0 : 1;
} finally {
  await lab.stop();
}

async function bringAbout({ address }: Lab): Promise<readonly DeathResult[]> {
  const access = findCluster({ environment: {}, kubeconfig: address.kubeconfig });
  if (access === null) throw new Error("the test cluster has no kubeconfig");
  const client = new ClusterClient({ access, clock: systemClock, pace: PACE, callsMax: 20 });
  await client.call("POST", "/api/v1/namespaces", { body: { metadata: { name: NAMESPACE } } });
  const options: Omit<ConformanceOptions, "deaths"> = {
    client,
    namespace: NAMESPACE,
    image: BUSYBOX_IMAGE,
    rounds,
    graces: { ...DEFAULT_GRACES, imagePullMs: graceMs, configMs: graceMs, unschedulableMs: graceMs },
    clock: systemClock,
    random: systemRandom,
    logger: programLog("stderr", "error"),
    onResult: ({ death, round, found, seconds }) =>
      process.stderr.write(`  ${death} ${round}: ${found ?? "nothing was told"}, after ${seconds?.toFixed(1) ?? "-"} s\n`),
  };
  try {
    const anywhere = await conformance({ ...options, deaths: deathsWith(BUSYBOX_IMAGE) });
    return [...anywhere, ...(await conformance({ ...options, deaths: nodeDeaths(address) }))];
  } finally {
    client.close();
  }
}

/** Prints each, and answers how many were missed. */
function goals({ deaths }: Confusion): number {
  let missed = 0;
  const goal = (
    what: string,
    names: readonly string[],
    { max, of }: { readonly max: number; readonly of: "maxSeconds" | "maxShownSeconds" },
  ) => {
    const worst = Math.max(...deaths.filter(({ death }) => names.includes(death)).map((one) => one[of] ?? Number.POSITIVE_INFINITY));
    if (worst > max) missed++;
    process.stdout.write(`${what}: ${worst.toFixed(1)} s at most, ${max} are allowed${worst > max ? ": TOO LATE" : ""}\n`);
  };
  goal("image that cannot be pulled, since that was shown, its grace among it", ["image-not-found"], {
    max: graceMs / 1000 + 10,
    of: "maxShownSeconds",
  });
  goal("killed for memory, since it died", ["oom", "oom-child"], { max: 10, of: "maxSeconds" });
  goal("node lost, since it was", ["node-fails", "kubelet-gone", "node-removed", "node-tainted"], { max: 90, of: "maxSeconds" });
  return missed;
}
