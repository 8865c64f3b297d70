/** The executor for Kubernetes as the settings want it, and whether this server is to have one. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { seconds, WindlassError, type Settings } from "@windlass/kernel";
import type { Graces } from "@windlass/kubernetes";
import type { Executor, Logger } from "@windlass/ports";
import type { Environment } from "../machine/environment.ts";
import { systemClock } from "../machine/system-clock.ts";
import { systemRandom } from "../machine/system-random.ts";

export interface ClusterExecutorOptions {
  readonly settings: Settings;
  readonly environment: Environment;
  /** Of the data folder. */
  readonly folderPlace: string;
  readonly isShared: boolean;
  readonly logger: Logger;
}

const ENABLED = ["auto", "yes", "no"];
const POD_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/**
 * Null: this server has none. A server that shares its store leaves such jobs to those that have a cluster; one that is alone
 * refuses them with a sentence that says what is missing.
 */
export async function clusterExecutor(options: ClusterExecutorOptions): Promise<Executor | null> {
  const { settings, environment, isShared, logger } = options;
  const isWanted = isClusterWanted(settings, environment);
  if (!isWanted && isShared) return null;
  const { kubernetesExecutor } = await import("@windlass/kubernetes/executor");
  const perSecond = positive(settings, "kubernetes.requestsPerSecond");
  return kubernetesExecutor({
    environment,
    isWanted,
    kubeconfig: settings["kubernetes.kubeconfig"],
    context: settings["kubernetes.context"],
    place: `kubernetes-${installationOf(options)}`,
    namespace: settings["kubernetes.namespace"],
    namespaces: settings["kubernetes.namespaces"]
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
    serviceAccount: settings["kubernetes.serviceAccount"],
    ttlSeconds: settings["kubernetes.ttlSeconds"],
    runningMax: settings["kubernetes.runningMax"],
    pace: { perSecond, burst: 2 * perSecond },
    callsMax: positive(settings, "kubernetes.requestsMax"),
    graces: gracesFrom(settings),
    clock: systemClock,
    random: systemRandom,
    logger,
  });
}

/** A kubeconfig in its usual place alone is somebody's own, who may not want jobs of a server there. */
export function isClusterWanted(settings: Settings, environment: Environment): boolean {
  const enabled = settings["kubernetes.enabled"];
  if (!ENABLED.includes(enabled))
    throw new WindlassError("invalid", `WINDLASS_KUBERNETES_ENABLED is "${enabled}"; it must be one of ${ENABLED.join(", ")}`);
  if (enabled !== "auto") return enabled === "yes";
  const named = [settings["kubernetes.kubeconfig"], settings["kubernetes.context"], environment["KUBECONFIG"] ?? ""];
  const isPod = (environment["KUBERNETES_SERVICE_HOST"] ?? "") !== "" && existsSync(POD_ACCOUNT);
  return isPod || named.some((name) => name !== "");
}

/** The same for whoever watches the cluster and for a server that looks itself. */
export function gracesFrom(settings: Settings): Graces {
  return {
    imagePullMs: seconds(settings["watcher.imagePullGraceSeconds"]),
    configMs: seconds(settings["watcher.configGraceSeconds"]),
    unschedulableMs: seconds(settings["watcher.unschedulableGraceSeconds"]),
    nodeMs: seconds(settings["watcher.nodeGraceSeconds"]),
  };
}

function positive(settings: Settings, name: "kubernetes.requestsPerSecond" | "kubernetes.requestsMax"): number {
  const value = settings[name];
  if (value <= 0) throw new WindlassError("invalid", `${name} is ${value}; it must be above 0`);
  return value;
}

/** The same for all servers on one store, and another for each store. */
function installationOf({ settings, folderPlace, isShared }: ClusterExecutorOptions): string {
  const named = settings["kubernetes.installation"];
  if (named !== "" || !isShared) return named || folderPlace;
  const { host, pathname } = new URL(settings["store.url"]);
  return createHash("sha256").update(`${host}${pathname}`).digest("hex").slice(0, 16);
}
