/** What happened at a site, as the server has stored it and as the cluster tells it. */
import type { JobHistory, LeftObject, MadePod, SiteHistory } from "./check-history.ts";
import { eventually, type FaultSite } from "./fault-site.ts";

interface Listed {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly uid: string }[];
  };
  readonly status?: { readonly phase?: string };
  readonly involvedObject?: { readonly kind: string; readonly name: string; readonly uid: string };
  readonly message?: string;
}

const OURS = "windlass.dev/job-id";
/** A comparison of the server with the cluster is made each five seconds; a removal in it takes longer. */
const CALM_MS = 90_000;
const SETTLED = "windlass.dev/settled";

/** Waits until nothing is left that would go by itself soon; what stays is told. */
export async function readHistory(site: FaultSite): Promise<SiteHistory> {
  const calm = await eventually(
    "the cluster to be calm",
    async () => {
      const left = await leftOf(site);
      return left.every(({ isSettled }) => isSettled) ? left : undefined;
    },
    CALM_MS,
  ).catch(() => leftOf(site));
  const { items } = await site.api().jobs.list({ limit: 500 });
  const jobs = await Promise.all(items.map(async ({ id, name, state }) => jobHistory(site, { id, name, state })));
  return { jobs, pods: await podsOf(site), left: calm };
}

async function jobHistory(site: FaultSite, { id, name, state }: Pick<JobHistory, "id" | "name" | "state">): Promise<JobHistory> {
  const { items } = await site.api().jobs.events({ id, limit: 500 });
  const events = items.map(({ seq, type, attempt }) => ({ seq, type, attempt }));
  return { id, name, state, events, attempts: await site.attempts(id) };
}

/** Events outlive what they are about by an hour. */
async function podsOf(site: FaultSite): Promise<readonly MadePod[]> {
  const events = await list(site, "events", "--field-selector", "reason=SuccessfulCreate,involvedObject.kind=Job");
  return events.flatMap(({ involvedObject, message = "" }) => {
    const pod = /Created pod: (\S+)/u.exec(message)?.[1];
    return involvedObject === undefined || pod === undefined ? [] : [{ job: involvedObject.name, uid: involvedObject.uid, pod }];
  });
}

async function leftOf(site: FaultSite): Promise<readonly LeftObject[]> {
  const objects = await list(site, "jobs,pods,secrets", "-l", OURS);
  const uids = new Set(objects.map(({ metadata }) => metadata.uid));
  return objects.map(({ kind, metadata, status }): LeftObject => {
    const isOwned = metadata.ownerReferences?.some(({ uid }) => uids.has(uid)) === true;
    const isOver = status?.phase === "Succeeded" || status?.phase === "Failed";
    const isSettled = kind === "Job" ? metadata.labels?.[SETTLED] === "true" : isOwned && (kind === "Secret" || isOver);
    return { kind: kind as LeftObject["kind"], name: metadata.name, isSettled };
  });
}

async function list(site: FaultSite, ...what: readonly string[]): Promise<readonly Listed[]> {
  return (JSON.parse(await site.kubectl("get", ...what, "-o", "json")) as { readonly items: readonly Listed[] }).items;
}
