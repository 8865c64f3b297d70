/** `windlass k8s-watcher`: watches a cluster for a server. Knows of the server its address and the internal token only. */
import { readFileSync, statSync } from "node:fs";
import { environmentVariableOf, messageOf, seconds, WindlassError, type Settings } from "@windlass/kernel";
import { clusterWatcher, serverLine, statusServer } from "@windlass/k8s-watcher";
import { ClusterClient, findCluster, whereClustersAre, type Graces } from "@windlass/kubernetes";
import { gracesFrom } from "../compose/cluster-executor.ts";
import { settingsFrom } from "../compose/settings.ts";
import { connect } from "../connection/connect.ts";
import type { Environment } from "../machine/environment.ts";
import { interruption } from "../machine/interruption.ts";
import { programLog } from "../machine/program-log.ts";
import { systemClock } from "../machine/system-clock.ts";
import { systemRandom } from "../machine/system-random.ts";
import type { Call } from "../tree/call.ts";

export interface WatcherOptions {
  readonly namespace?: readonly string[];
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly tokenFile?: string;
  readonly kubeconfig?: string;
  readonly kubeContext?: string;
  /** Milliseconds. */
  readonly imagePullGrace?: number;
  readonly configGrace?: number;
  readonly unschedulableGrace?: number;
  readonly nodeGrace?: number;
  readonly host?: string;
  readonly port?: number;
  readonly turn?: string;
}

/** One answer of the server; what waits longer is told again. */
const TIMEOUT_MS: number = seconds(30);
/** Calls of the cluster under way at once; streams are not counted. */
const CALLS_MAX = 32;
const TOKEN_LENGTH_MIN = 16;

/** Runs until it is told to end. */
export async function k8sWatcher(call: Call<WatcherOptions>): Promise<void> {
  const { options, environment, terminal } = call;
  const settings = settingsFrom(environment);
  const { url } = connect(call);
  const token = tokenOf(call, settings);
  const where = {
    environment,
    kubeconfig: options.kubeconfig ?? settings["kubernetes.kubeconfig"],
    context: options.kubeContext ?? settings["kubernetes.context"],
  };
  const access = findCluster(where);
  if (access === null) throw new WindlassError("usage", `no way to a cluster is known; looked at ${whereClustersAre(where)}`);
  const interrupted = interruption(call);
  const logger = programLog("stderr", environment["WINDLASS_LOG"] ?? "info");
  const perSecond = settings["watcher.requestsPerSecond"];
  const client = new ClusterClient({ access, clock: systemClock, pace: { perSecond, burst: 2 * perSecond }, callsMax: CALLS_MAX });
  const namespaces = namespacesOf(call, settings);
  const watcher = clusterWatcher({
    client,
    line: serverLine({ url, token, timeoutMs: TIMEOUT_MS, clock: systemClock }),
    namespaces,
    selector: options.selector ?? settings["watcher.selector"],
    graces: gracesOf(options, settings),
    turn: turnOf(options.turn ?? settings["watcher.turn"], namespaces),
    clock: systemClock,
    random: systemRandom,
    logger,
  });
  const status = await statusServer(watcher, {
    host: options.host ?? hostOf(settings, environment),
    port: options.port ?? settings["watcher.port"],
  });
  await watcher.start();
  const told = { url, cluster: access.server.href, namespaces, port: status.port, pid: process.pid };
  if (call.format === "json") terminal.out(`${JSON.stringify(told)}\n`);
  else
    terminal.out(
      `Watches ${namespaces.length === 0 ? "all namespaces" : namespaces.join(", ")} of ${access.told} for ${url}.\nFigures are on port ${status.port}. End it with Ctrl-C.\n`,
    );
  await interrupted.stay();
  terminal.err("Stopping: what is not told yet is told by the next one.\n");
  await watcher.stop();
  await status.close();
  client.close();
}

function namespacesOf({ options }: Call<WatcherOptions>, settings: Settings): readonly string[] {
  if (options.allNamespaces === true) return [];
  const listed = (text: string): readonly string[] => text.split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim()]));
  const named = listed(settings["watcher.namespaces"]);
  const usual = [settings["kubernetes.namespace"], ...listed(settings["kubernetes.namespaces"])];
  const names = options.namespace ?? (named.length > 0 ? named : usual);
  return names.includes("*") ? [] : [...new Set(names)];
}

function gracesOf({ imagePullGrace, configGrace, unschedulableGrace, nodeGrace }: WatcherOptions, settings: Settings): Graces {
  const { imagePullMs, configMs, unschedulableMs, nodeMs } = gracesFrom(settings);
  return {
    imagePullMs: imagePullGrace ?? imagePullMs,
    configMs: configGrace ?? configMs,
    unschedulableMs: unschedulableGrace ?? unschedulableMs,
    nodeMs: nodeGrace ?? nodeMs,
  };
}

/** Watchers of other namespaces have turns of their own. */
function turnOf(name: string, namespaces: readonly string[]): string {
  return name === "none" ? "" : `${name} of ${namespaces.length === 0 ? "*" : namespaces.toSorted().join(",")}`.slice(0, 200);
}

/** A pod is asked how it is at its own address. */
function hostOf(settings: Settings, environment: Environment): string {
  if (settings["watcher.host"] !== "") return settings["watcher.host"];
  return (environment["KUBERNETES_SERVICE_HOST"] ?? "") === "" ? "127.0.0.1" : "0.0.0.0";
}

/** The internal token; of a file the one that is in it now, for it may be mended while the watcher runs. */
function tokenOf({ options }: Call<WatcherOptions>, settings: Settings): () => string {
  const file = options.tokenFile ?? settings["watcher.tokenFile"];
  const variable = environmentVariableOf("internal.apiToken");
  if (file === "") {
    const token = options.token ?? settings["internal.apiToken"];
    if (token.length < TOKEN_LENGTH_MIN)
      throw new WindlassError("usage", `the internal token of the server is needed: set ${variable}, or name a file with --token-file`);
    return () => token;
  }
  let read = { changedAt: -1, token: "" };
  const current = (): string => {
    const changedAt = statSync(file).mtimeMs;
    if (changedAt !== read.changedAt) read = { changedAt, token: readFileSync(file, "utf8").trim() };
    return read.token;
  };
  try {
    current();
  } catch (error) {
    throw new WindlassError("usage", `the file of the internal token cannot be read: ${messageOf(error)}`, { cause: error });
  }
  return () => {
    try {
      return current();
    } catch {
      // It is being replaced: the old one serves until then.
      return read.token;
    }
  };
}
