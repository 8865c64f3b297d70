/** Where one fault is brought about: a namespace of a real cluster, with Windlass's own server and watchers as real programs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { client, type Client } from "@windlass/sdk";
import { runLab, type LabAddress } from "@windlass/testkit/lab";
import { stranger, until, type Running, type Server, type Stranger } from "../../e2e/stranger.ts";
import { doorTo, type Door } from "./door.ts";

export type Attempt = Awaited<ReturnType<Client["jobs"]["attempts"]>>["items"][number];
export type Job = Awaited<ReturnType<Client["jobs"]["list"]>>["items"][number];

export interface FaultSite {
  readonly address: LabAddress;
  readonly image: string;
  readonly namespace: string;
  readonly here: Stranger;
  readonly server: () => Server;
  readonly api: () => Client;
  /** Starts the server, or starts it again at its address. */
  serve(): Promise<void>;
  /** Stops it, or kills it, and waits for its end. */
  endServer(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  watch(more?: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Running>;
  /** A way for a watcher to the cluster that can be cut: `KUBECONFIG` of its environment. */
  door(): Promise<Door>;
  kubectl(...args: readonly string[]): Promise<string>;
  /** Runs a workflow of these steps; the id of its execution. */
  run(...steps: readonly string[]): Promise<string>;
  steps(execution: string): Promise<ReadonlyMap<string, Job>>;
  attempts(job: string): Promise<readonly Attempt[]>;
  /** Resolves with the ids of these steps once each runs, as the server was told. */
  running(execution: string, ...names: readonly string[]): Promise<readonly string[]>;
  log(job: string, container?: string): Promise<string>;
  /** What a program says under `/metrics`. */
  serverMetrics(): Promise<string>;
  watcherMetrics(watcher: Running): Promise<string>;
  leave(): Promise<void>;
}

export const TOKEN = "an-internal-token-for-tests";
const PATIENCE_MS = 240_000;
const LOOK_MS = 100;
let sites = 0;

export async function faultSite(address: LabAddress, image: string): Promise<FaultSite> {
  const here = stranger();
  const namespace = `windlass-fault-${process.pid}-${++sites}`;
  const kubectl = (...args: readonly string[]): Promise<string> => runLab(address, "kubectl", "-n", namespace, ...args);
  await runLab(address, "kubectl", "create", "namespace", namespace);
  const environment: Readonly<Record<string, string>> = {
    KUBECONFIG: address.kubeconfig,
    WINDLASS_KUBERNETES_NAMESPACE: namespace,
    WINDLASS_INTERNAL_API_TOKEN: TOKEN,
    WINDLASS_CONTAINERS_EXECUTOR: "kubernetes",
    WINDLASS_WATCHER_NODE_GRACE_SECONDS: "5",
  };
  const doors: Door[] = [];
  let server: Server | null = null;
  let port = "0";
  const there = (): Server => {
    if (server === null) throw new Error("no server runs");
    return server;
  };
  const token = (): string => readFileSync(join(here.folder, ".windlass/token"), "utf8").trim();
  const api = (): Client => client({ url: there().url, token: token() });
  const metrics = async (url: string, headers: Readonly<Record<string, string>> = {}): Promise<string> =>
    (await fetch(`${url}/metrics`, { headers })).text();
  return {
    address,
    image,
    namespace,
    here,
    kubectl,
    server: there,
    api,
    async serve() {
      server = await here.serverWith(environment, "--port", port);
      ({ port } = new URL(server.url));
    },
    async endServer(signal) {
      there().kill(signal);
      await there().ended;
    },
    async watch(more = {}, ...args) {
      const one = here.start(["k8s-watcher", "--server", there().url, "--port", "0", ...args], { ...environment, ...more });
      await until(one, "Figures are on port");
      return one;
    },
    async door() {
      const door = await doorTo(address.kubeconfig, join(here.folder, `door-${doors.length}`));
      doors.push(door);
      return door;
    },
    async run(...list) {
      const source = `apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: struck}\nsteps:\n${list.map((one) => `  - ${one}\n`).join("")}`;
      return (await api().workflows.run({ source })).job.id;
    },
    ...readings(api),
    serverMetrics: () => metrics(there().url, { authorization: `Bearer ${token()}` }),
    watcherMetrics: (watcher) => metrics(`http://127.0.0.1:${/Figures are on port (\d+)/u.exec(watcher.printed())?.[1] ?? ""}`),
    async leave() {
      await here.leave();
      for (const door of doors) door.close();
      await runLab(address, "kubectl", "delete", "namespace", namespace, "--ignore-not-found", "--wait=false");
    },
  };
}

/** What the server says of its jobs. */
function readings(api: () => Client): Pick<FaultSite, "steps" | "attempts" | "running" | "log"> {
  const steps = async (execution: string): Promise<ReadonlyMap<string, Job>> =>
    new Map((await api().jobs.list({ parentId: execution, limit: 500 })).items.map((one) => [one.name, one]));
  const attempts = async (id: string): Promise<readonly Attempt[]> => (await api().jobs.attempts({ id })).items;
  const isRunning = async ({ id }: Job): Promise<boolean> => {
    const observed = (await attempts(id)).at(-1)?.evidence?.["observed"] as { readonly state?: string } | undefined;
    return observed?.state === "running";
  };
  return {
    steps,
    attempts,
    running: (execution, ...names) =>
      eventually(`${names.join(", ")} to run`, async () => {
        const found = await steps(execution);
        const ids: string[] = [];
        for (const name of names) {
          const job = found.get(name);
          if (job === undefined || !(await isRunning(job))) return undefined;
          ids.push(job.id);
        }
        return ids;
      }),
    async log(id, container) {
      const query = { id, stream: "stdout", ...(container === undefined ? {} : { container }) } as const;
      return Buffer.concat(await Array.fromAsync(await api().jobs.rawLogs(query))).toString();
    },
  };
}

/** A step of one container. `more`: further keys of its tool, and of the step itself. */
export const step =
  ({ image }: Pick<FaultSite, "image">) =>
  (name: string, script: string, more: { readonly tool?: string; readonly step?: string } = {}): string => {
    const keys = `image: "${image}", command: [sh, -c, ${JSON.stringify(script)}]${more.tool === undefined ? "" : `, ${more.tool}`}`;
    return `{name: ${name}, tool: {kind: container, ${keys}}${more.step === undefined ? "" : `, ${more.step}`}}`;
  };

/** What `find` finds, as soon as it does. The cluster and the programs tell nobody: it is looked at until it is so. */
export async function eventually<T>(
  what: string,
  find: () => Promise<T | undefined> | T | undefined,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const until = performance.now() + patienceMs;
  let last: unknown = "";
  while (performance.now() < until) {
    try {
      const found = await find();
      if (found !== undefined) return found;
    } catch (error) {
      // A server that is down, a cluster that does not answer: by then it may.
      last = error;
    }
    await after(LOOK_MS);
  }
  throw new Error(`waited for ${what} in vain${last === "" ? "" : `: ${String(last)}`}`);
}
