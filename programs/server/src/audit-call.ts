/** Writes down each call that changes something, or that was refused it: who, what, about what, and how it went. */
import { isChanging, type Operation } from "@windlass/contract";
import { STRANGER, type Audit } from "@windlass/engine";
import { DEFAULT_WORKSPACE, hasCode, isWindlassError } from "@windlass/kernel";
import type { Principal } from "./authenticate.ts";

/** What becomes known of a call while it is answered. */
export interface Trail {
  principal: Principal | null;
  /** Id or name of what it is about. */
  object: string | null;
  /** The name that was to be given to what is refused. */
  wanted: string | null;
  workspace: string | null;
}

/** Longer ones are no ids of ours. */
const OBJECT_LENGTH_MAX = 256;
/** Who had a completion token: the token is the permission, and names nobody. */
const COMPLETION = { id: "completion", name: "a completion token" } as const;

export interface AuditedCall {
  readonly audit: Audit;
  readonly operation: Operation;
  readonly requestId: string;
  /** From the address. */
  readonly object: string | undefined;
}

/** Does the work; the entry is gathered when it is done, whether it went well or not. */
export async function audited<T>({ audit, operation, requestId, object }: AuditedCall, work: (trail: Trail) => Promise<T>): Promise<T> {
  const trail: Trail = { principal: null, object: object ?? null, wanted: null, workspace: null };
  if (!isChanging(operation)) return work(trail);
  const record = (outcome: string): void => {
    // What parts of Windlass tell is in the events of the jobs; who tried without the right to is written down.
    if (operation.internal && outcome === "ok") return;
    const nobody = operation.permission === null && outcome === "ok" ? COMPLETION : STRANGER;
    const { id, name } = trail.principal ?? nobody;
    const about = trail.object ?? (outcome === "ok" ? null : trail.wanted);
    audit.record({
      workspace: trail.workspace ?? trail.principal?.workspace ?? DEFAULT_WORKSPACE,
      actorId: id,
      actorName: name,
      operation: operation.id,
      object: about === null ? null : about.slice(0, OBJECT_LENGTH_MAX),
      outcome,
      requestId,
    });
  };
  try {
    const result = await work(trail);
    record("ok");
    return result;
  } catch (error) {
    // Who floods the server must not flood the audit with it.
    if (!hasCode(error, "rate_limited")) record(isWindlassError(error) ? error.code : "internal");
    throw error;
  }
}

/** Takes from an answer what the call was about. */
export function notice(trail: Trail, result: unknown): void {
  if (typeof result !== "object" || result === null) return;
  const { id, name, token, workflow, job, results, items, workspace, ...rest } = result as Readonly<Record<string, unknown>>;
  const inner = [token, workflow, job].find((one): one is { readonly id?: unknown } => typeof one === "object" && one !== null);
  const found = [id, inner?.id, name].find((one) => typeof one === "string");
  trail.object ??=
    typeof found === "string" ? found : Array.isArray(results) ? counted(results.length) : (manyJobs(rest) ?? redriven(items));
  if (trail.principal === null && typeof workspace === "string") trail.workspace = workspace;
}

/** Of a call that acts on all jobs that fit: on how many it did, or would. */
function manyJobs({ done, matched, dryRun }: Readonly<Record<string, unknown>>): string | null {
  if (typeof done !== "number" || typeof matched !== "number") return null;
  return dryRun === true ? `${counted(matched)}, a dry run` : counted(done);
}

function counted(jobs: number): string {
  return `${jobs} job${jobs === 1 ? "" : "s"}`;
}

/** As many as fit beside their count: somebody vouched for each of them. */
const REDRIVEN_TOLD = 3;

/** Null: these are no letters that were redriven, or none of them. */
function redriven(items: unknown): string | null {
  if (!Array.isArray(items)) return null;
  const ids = items.flatMap((one: { readonly id?: unknown; readonly created?: unknown } | null) =>
    one?.created === true && typeof one.id === "string" ? [one.id] : [],
  );
  const rest = ids.length > REDRIVEN_TOLD ? ", …" : "";
  return ids.length === 0
    ? null
    : `${ids.length} dead letter${ids.length === 1 ? "" : "s"}: ${ids.slice(0, REDRIVEN_TOLD).join(", ")}${rest}`;
}
