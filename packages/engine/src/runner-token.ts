/**
 * The token of a runner: sealed with the server's own keys and stored nowhere. It says which attempt of which runner has it,
 * and opens nothing but the connection over which that runner is given the steps of its execution.
 *
 * O1. It opens something only while that attempt of the runner is alive: it dies with it, and so with the execution.
 * O2. The same attempt may be given several: a launch that is taken up by another launcher makes one more.
 */
import { isRunner, isRunnerKey, WindlassError, WORKSPACE_SCOPE, type JobRecord, type SealedSecret } from "@windlass/kernel";
import type { Session } from "@windlass/ports";
import type { Holder } from "./access-cache.ts";
import type { EngineContext } from "./context.ts";

/** By which people, and scanners of sources and logs, know it. */
const PREFIX = "wlr_";
/** What is sealed says nothing by itself: that it opens is the proof. */
const SEALED = "runner";

export function isRunnerToken(secret: string): boolean {
  return secret.startsWith(PREFIX);
}

/** Throws `secret_key_missing` where there is no key yet (`readyToSeal`), and `invalid`. */
export function runnerTokenFor({ keys }: Pick<EngineContext, "keys">, jobId: string, attempt: number): string {
  const { keyId, sealed } = keys.seal(identityOf(jobId, attempt), SEALED);
  return `${PREFIX}${Buffer.from(JSON.stringify([jobId, attempt, keyId, sealed])).toString("base64url")}`;
}

/** Whose it is. Throws `unauthorized`. */
export async function holderOfRunner(context: EngineContext, secret: string): Promise<Holder> {
  const named = parsed(secret.slice(PREFIX.length));
  const opened = named === null ? { fault: "broken" as const } : context.keys.open({ ...identityOf(named.jobId, named.attempt), ...named });
  if (named === null || "fault" in opened || opened.value !== SEALED)
    throw new WindlassError("unauthorized", "the token of a runner is not known to this server");
  const record = await livingRunner(context, named);
  if (record === null) throw new WindlassError("unauthorized", "the token of a runner opens nothing any more: its attempt has ended");
  return {
    id: `${named.jobId}/${named.attempt}`,
    name: `runner ${named.jobId}`,
    permissions: new Set(["workers:connect"]),
    workspaces: [record.workspace],
    execution: executionOf(record),
  };
}

/** Live rows that are read at once. */
const PAGE = 500;

/**
 * The ids of those sessions that are of a runner whose attempt is alive: whoever keeps its place tells its death, so silence says
 * nothing of it. What it carries out is its own until then, also while no server is there to be reported to.
 */
export async function ofLivingRunners(
  { store }: Pick<EngineContext, "store">,
  sessions: readonly Pick<Session, "id" | "owner">[],
): Promise<ReadonlySet<string>> {
  const owners = new Map(sessions.flatMap(({ id, owner }) => (owner?.includes("/") === true ? [[id, owner] as const] : [])));
  const jobIds = [...new Set([...owners.values()].map((owner) => owner.slice(0, owner.indexOf("/"))))];
  const alive = new Set<string>();
  for (let from = 0; from < jobIds.length; from += PAGE)
    for (const live of await store.jobs.live({ ids: jobIds.slice(from, from + PAGE) }, PAGE))
      if (isRunnerKey(live.childKey) && live.phase !== null) alive.add(`${live.id}/${live.attempt}`);
  return new Set([...owners].flatMap(([id, owner]) => (alive.has(owner) ? [id] : [])));
}

/** See O1. */
async function livingRunner(
  { store }: Pick<EngineContext, "store">,
  { jobId, attempt }: Pick<Named, "jobId" | "attempt">,
): Promise<JobRecord | null> {
  const view = await store.reads.get(jobId);
  const live = view?.live ?? null;
  if (view === null || live === null || live.attempt !== attempt || !isRunner(view.record) || live.phase === null) return null;
  return view.record;
}

/** Notes that a step has ended in a runner: for whoever counts those that come to nothing. `holder`: the id of its token's holder. */
export async function noteWorked(context: EngineContext, holder: string): Promise<void> {
  const [jobId = "", attempt] = holder.split("/");
  const live = (await context.store.reads.get(jobId))?.live ?? null;
  if (live === null || live.attempt !== Number(attempt) || live.progress !== null) return;
  const progress = { fraction: null, text: "a step has ended in it" };
  await context.commit([{ type: "progress", id: jobId, token: live.token, progress }]);
}

/** The execution whose steps a runner carries out stands in its specification. */
function executionOf({ spec }: Pick<JobRecord, "spec">): string {
  const env = spec["env"] as Readonly<Record<string, string>> | undefined;
  return env?.["EXECUTION_ID"] ?? "";
}

function identityOf(jobId: string, attempt: number): Omit<SealedSecret, "sealed" | "keyId"> {
  const nobody = { createdBy: "windlass", createdAt: 0, changedBy: "windlass", changedAt: 0 };
  // A scope that no secret has: what opens here opens nowhere else.
  return { workspace: "", scope: `runner:${WORKSPACE_SCOPE}`, name: `${jobId}/${attempt}`, version: 1, ...nobody };
}

interface Named extends Pick<SealedSecret, "keyId" | "sealed"> {
  readonly jobId: string;
  readonly attempt: number;
}

function parsed(text: string): Named | null {
  try {
    const [jobId, attempt, keyId, sealed] = JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as unknown[];
    if (typeof jobId !== "string" || typeof keyId !== "string" || typeof sealed !== "string") return null;
    return typeof attempt === "number" ? { jobId, attempt, keyId, sealed } : null;
  } catch {
    return null;
  }
}
