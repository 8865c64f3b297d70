/** `k8s-watcher`, `conformance kubernetes`. */
import type { Command } from "commander";
import type { Performing } from "../program.ts";
import { duration, several, whole } from "./option-values.ts";

const PORT_MAX = 65_535;
const ROUNDS_MAX = 1_000;

export function addClusterCommands(program: Command, perform: Performing): void {
  program
    .command("k8s-watcher")
    .description("watch a cluster, and tell a server how its Jobs ended and what they print")
    .option("--namespace <names>", "namespaces to watch, separated by commas; those in which Jobs may be made when left out", several)
    .option("--all-namespaces", "watch all of the cluster")
    .option("--selector <labels>", "labels of the Jobs and pods to watch; those that Windlass makes when left out")
    .option("--token-file <file>", "a file with the internal token; WINDLASS_INTERNAL_API_TOKEN when left out")
    .option("--kubeconfig <file>", "how to reach the cluster; KUBECONFIG, ~/.kube/config, then the pod's own account when left out")
    .option("--kube-context <name>", "of the kubeconfig; its current one when left out")
    .option("--image-pull-grace <duration>", "how long an image that cannot be pulled is waited for; 60 s when left out", duration)
    .option("--config-grace <duration>", "how long a missing Secret or ConfigMap is waited for; 30 s when left out", duration)
    .option("--unschedulable-grace <duration>", "how long a node that can take a pod is waited for; 10 min when left out", duration)
    .option("--node-grace <duration>", "how long a node that does not report is waited for; 30 s when left out", duration)
    .option("--host <address>", "address to serve /healthz, /readyz and /metrics on (127.0.0.1)")
    .option("--port <port>", "port to serve them on; 0 takes a free one (4181)", whole(0, PORT_MAX))
    .option("--turn <name>", "name under which watchers take turns; none for one that does not ask")
    .action(perform(async () => (await import("../commands/k8s-watcher.ts")).k8sWatcher));
  program
    .command("conformance")
    .description("bring deaths about on a cluster of your own, and compare what is told of them with what is true")
    .command("kubernetes")
    .description("each death a number of times, in a namespace that is made for it: what was told, how soon, and how often it was right")
    .option("--namespace <name>", "one that is there, instead of one that is made and removed")
    .option("--rounds <count>", "how often each death is brought about; once when left out", whole(1, ROUNDS_MAX))
    .option("--image <image>", "an image with a shell; busybox:1 when left out")
    .option("--grace <duration>", "how long an image, a Secret or a node is waited for; 5 s when left out", duration)
    .option("--kubeconfig <file>", "how to reach the cluster; KUBECONFIG, then ~/.kube/config when left out")
    .option("--kube-context <name>", "of the kubeconfig; its current one when left out")
    .action(perform(async () => (await import("../commands/conformance.ts")).checkKubernetes));
}
