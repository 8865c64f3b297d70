/**
 * Where the cluster is and who we are there: a kubeconfig (KUBECONFIG, or ~/.kube/config), else the service account of the
 * pod that we run in. The official client reads them, since it knows every way to log in (certificates, tokens that change,
 * helper programs, OIDC, proxies); the requests are our own (cluster-client.ts).
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { messageOf, WindlassError } from "@windlass/kernel";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface AccessOptions {
  readonly environment: Environment;
  /** A kubeconfig's path; found by itself when empty. */
  readonly kubeconfig?: string;
  /** Of the kubeconfig; its current one when empty. */
  readonly context?: string;
}

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

export interface ClusterAccess {
  readonly config: KubeConfig;
  /** Scheme, host, port and the path before `/api`. */
  readonly server: URL;
  /** For people: which file and context, or that it is the pod's own account. */
  readonly told: string;
}

/** Null when there is no way to any cluster here. Throws `invalid` for a kubeconfig that cannot be used. */
export function findCluster(options: AccessOptions): ClusterAccess | null {
  const found = kubeconfigFiles(options);
  const config = found.length > 0 ? fromFiles(found, options.context ?? "") : ofThisPod(options.environment);
  if (config === null) return null;
  const cluster = config.getCurrentCluster();
  const where =
    found.length > 0 ? `the context ${config.getCurrentContext()} of ${found.join(delimiter)}` : "the service account of this pod";
  if (cluster === null) throw new WindlassError("invalid", `${where} names no cluster that is there`);
  return { config, server: new URL(cluster.server), told: `${cluster.server} (${where})` };
}

/** Where a way to a cluster is looked for, for people. */
export function whereClustersAre({ environment, kubeconfig = "" }: AccessOptions): string {
  if (kubeconfig !== "") return kubeconfig;
  return `KUBECONFIG, ${join(environment["HOME"] ?? "~", ".kube", "config")}, the service account of a pod`;
}

function kubeconfigFiles({ environment, kubeconfig = "" }: AccessOptions): readonly string[] {
  const named = kubeconfig === "" ? (environment["KUBECONFIG"] ?? "") : kubeconfig;
  if (named !== "") return named.split(delimiter).filter((file) => file !== "");
  const usual = join(environment["HOME"] ?? "/", ".kube", "config");
  return existsSync(usual) ? [usual] : [];
}

function fromFiles(files: readonly string[], context: string): KubeConfig {
  const config = new KubeConfig();
  for (const [index, file] of files.entries()) {
    try {
      const read = index === 0 ? config : new KubeConfig();
      read.loadFromFile(file);
      // As kubectl does it: the first file that names one says which context is the current one.
      if (read !== config) config.mergeConfig(read, true);
    } catch (error) {
      throw new WindlassError("invalid", `the kubeconfig ${file} cannot be used: ${messageOf(error)}`, { cause: error });
    }
  }
  if (context === "") return config;
  const names = config.getContexts().map(({ name }) => name);
  if (!names.includes(context))
    throw new WindlassError("invalid", `no context ${JSON.stringify(context)} in ${files.join(delimiter)}; it has ${names.join(", ")}`);
  config.setCurrentContext(context);
  return config;
}

function ofThisPod({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" }: Environment): KubeConfig | null {
  if (host === undefined || host === "" || !existsSync(`${ACCOUNT}/token`)) return null;
  const config = new KubeConfig();
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  config.loadFromClusterAndUser(
    { name: "in-cluster", server, caFile: `${ACCOUNT}/ca.crt`, skipTLSVerify: false },
    // Read again when it changes: such tokens live for an hour.
    { name: "in-cluster", authProvider: { name: "tokenFile", config: { tokenFile: `${ACCOUNT}/token` } } },
  );
  return config;
}
