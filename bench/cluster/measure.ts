/** What is measured on a cluster whose kubelet and Job controller are out of the way. Runs inside the cluster's network. */
import { setTimeout as rest } from "node:timers/promises";
import { ClusterClient, findCluster } from "@windlass/kubernetes";
import type { Client } from "@windlass/sdk";
import { systemClock } from "../../programs/cli/src/machine/system-clock.ts";
import { submitAll, untilAll, type Load } from "./load.ts";
import { startPrograms, type Programs, type ProgramsOrder } from "./programs.ts";
import { megabytesOf, pidOf, requestsOf, secondsOf } from "./spent.ts";
import { STAYING_IMAGE } from "./stand-in.ts";

export interface MeasureOrder extends ProgramsOrder {
  /** That may do anything. */
  readonly adminKubeconfig: string;
  /** Of the cluster. */
  readonly clusterFolder: string;
  /** Jobs that end at once. */
  readonly jobs: number;
  /** Jobs that stay. */
  readonly parked: number;
  /** How long they are looked at. */
  readonly parkedSeconds: number;
}

/** Nothing here takes longer on a machine where it makes sense to measure. */
const SECONDS_MAX = 900;
const ENDING_IMAGE = "busybox:ends";
const WARM_UP = 50;

async function measure(order: MeasureOrder): Promise<void> {
  const access = findCluster({ environment: {}, kubeconfig: order.adminKubeconfig });
  if (access === null) throw new Error("no kubeconfig");
  const client = new ClusterClient({ access, clock: systemClock, pace: { perSecond: 100, burst: 100 }, callsMax: 4 });
  const programs = await startPrograms(order);
  const pids: Pids = {
    server: programs.server,
    watcher: programs.watcher,
    "stand-in": programs.standIn,
    "API server": pidOf("kube-apiserver", order.clusterFolder),
    etcd: pidOf(" etcd ", order.clusterFolder),
  };
  try {
    await throughput(programs.api, { client, pids }, order.jobs);
    if (order.parked > 0) await parked(programs, { client, pids }, order);
  } finally {
    await programs.stop();
    client.close();
  }
}

type Pids = Readonly<Record<string, number>>;

interface Site {
  readonly client: ClusterClient;
  readonly pids: Pids;
}

async function throughput(api: Client, site: Site, count: number): Promise<void> {
  const ends = { states: ["succeeded"], secondsMax: SECONDS_MAX };
  const warm: Load = { name: "warm", count: WARM_UP, image: ENDING_IMAGE };
  await submitAll(api, warm);
  await untilAll(api, warm, ends);
  const load: Load = { name: "ends", count, image: ENDING_IMAGE };
  let took = 0;
  const { spent, requests } = await during(site, async () => {
    const begun = performance.now();
    await submitAll(api, load);
    await untilAll(api, load, ends);
    took = (performance.now() - begun) / 1_000;
  });
  print(`${count} Jobs, from the first submit to the last end stored`, `${took.toFixed(1)} s`);
  print("Jobs created to settled", `${(count / took).toFixed(1)} /s`);
  for (const [name, seconds] of spent) print(`processor time of ${name}, for each Job`, `${((1_000 * seconds) / count).toFixed(1)} ms`);
  for (const [what, asked] of requests) print(`requests ${what}, for each Job`, (asked / count).toFixed(2));
}

async function parked(programs: Programs, site: Site, { parked: count, parkedSeconds, namespace }: MeasureOrder): Promise<void> {
  const load: Load = { name: "stays", count, image: STAYING_IMAGE };
  // Those of the Jobs that have ended.
  const there = await podsOf(site.client, namespace);
  let took = 0;
  const { spent: making } = await during(site, async () => {
    const begun = performance.now();
    await submitAll(programs.api, load);
    await untilAll(programs.api, load, { states: ["running"], secondsMax: SECONDS_MAX });
    while ((await podsOf(site.client, namespace)) < there + count) await rest(500);
    took = (performance.now() - begun) / 1_000;
  });
  print(`${count} Jobs that stay, until all were parked`, `${took.toFixed(1)} s`);
  print("processor time of the watcher meanwhile, for each Job", `${((1_000 * (making.get("watcher") ?? 0)) / count).toFixed(1)} ms`);
  // What begins is told once it has been so for a second.
  await rest(20_000);
  const before = await storeCalls(programs);
  const { spent, requests } = await during(site, () => rest(parkedSeconds * 1_000));
  const after = await storeCalls(programs);
  for (const name of ["server", "watcher", "API server"])
    print(
      `processor time of ${name} while they are parked, of one core`,
      `${((100 * (spent.get(name) ?? 0)) / parkedSeconds).toFixed(2)} %`,
    );
  for (const name of ["server", "watcher"]) print(`memory of ${name} then`, `${megabytesOf(site.pids[name] ?? 0).toFixed(0)} MB`);
  for (const [what, asked] of requests) print(`requests ${what} in a minute, then`, ((60 * asked) / parkedSeconds).toFixed(1));
  for (const [name, calls] of after) {
    const made = calls - (before.get(name) ?? 0);
    if (made > 0) print(`calls of the store ${name} in a minute, then`, ((60 * made) / parkedSeconds).toFixed(1));
  }
}

async function during(
  { client, pids }: Site,
  work: () => Promise<unknown>,
): Promise<{ readonly spent: ReadonlyMap<string, number>; readonly requests: ReadonlyMap<string, number> }> {
  const before = new Map(Object.entries(pids).map(([name, pid]) => [name, secondsOf(pid)]));
  const asked = await requestsOf(client);
  await work();
  const spent = new Map(Object.entries(pids).map(([name, pid]) => [name, secondsOf(pid) - (before.get(name) ?? 0)]));
  const requests = [...(await requestsOf(client))].map(([what, count]): [string, number] => [what, count - (asked.get(what) ?? 0)]);
  return { spent, requests: new Map(requests.filter(([, count]) => count > 1)) };
}

async function podsOf(client: ClusterClient, namespace: string): Promise<number> {
  const query = { limit: 1 };
  const { body } = await client.call("GET", `/api/v1/namespaces/${namespace}/pods`, { query });
  const { items, metadata } = body as { readonly items: readonly unknown[]; readonly metadata: { readonly remainingItemCount?: number } };
  return items.length + (metadata.remainingItemCount ?? 0);
}

/** By name, from the server's figures. */
async function storeCalls({ url, token }: Programs): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(new URL("/metrics", url), { headers: { authorization: `Bearer ${token}` } });
  const lines = (await response.text()).matchAll(/^windlass_store_call_duration_seconds_count\{call="([^"]+)"[^}]*\} (\d+)/gmu);
  return new Map([...lines].map(([, name = "", count]) => [name, Number(count)]));
}

function print(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(76)} ${value}\n`);
}

if (import.meta.main) await measure(JSON.parse(process.argv[2] ?? "") as MeasureOrder);
