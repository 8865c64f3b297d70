/**
 * What a person decides about a job that waits for it.
 *
 * Y1. It is decided once, by one person: the job's end is what they said, and an end never changes.
 * Y2. Who says the same again is answered as the first time; who says something else is refused, and told who decided.
 */
import { isJsonObject, WindlassError, type Json, type JobView, type JsonObject, type Result } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";

export interface Approval {
  readonly approved: boolean;
  /** Who decides. */
  readonly by: string;
  readonly comment: string | null;
  /** Which step of an execution, where several wait. */
  readonly step?: string | undefined;
}

/** Jobs of one tree that are looked through. */
const WAITING_MAX = 500;

/**
 * The job that was decided about: this one, or the one below it that waits. Throws `forbidden` for whom it does not wait
 * for, and `conflict` where nothing waits, where several do, and where it was decided otherwise.
 */
export async function decideApproval(context: EngineContext, view: JobView, approval: Approval): Promise<string> {
  const waiting = await waitingFor(context, view, approval);
  const { record, live } = waiting;
  if (live?.wait?.for !== "approval") return decidedAlready(waiting, approval);
  const { approved, by } = approval;
  const { by: asked } = live.wait;
  if (asked.length > 0 && !asked.includes(by))
    throw new WindlassError("forbidden", `${record.name} waits for an approval by ${asked.join(" or ")}; you are ${by}`);
  const settle = { type: "settle", id: record.id, attempt: live.attempt, by: { type: "approval", by } } as const;
  const result = resultOf(approval, new Date(context.now()).toISOString());
  const [answer] = await context.commit([{ ...settle, result, stopped: false, random: 0 }]);
  if (answer?.ok === true) return record.id;
  const after = await context.store.reads.get(record.id);
  if (after?.final === null || after === null)
    throw new WindlassError("conflict", `${record.id} could not be ${approved ? "approved" : "rejected"}; ask again`);
  return decidedAlready(after, approval);
}

function resultOf({ approved, by, comment }: Approval, at: string): Result {
  const output = { approved, by, at, comment };
  if (approved) return { outcome: "succeeded", reason: "ok", message: null, output };
  return { outcome: "failed", reason: "rejected", message: `rejected by ${by}${comment === null ? "" : `: ${comment}`}`, output };
}

function decidedAlready({ record, final }: JobView, { approved, by }: Approval): string {
  const found = decisionOf(final?.output ?? null);
  if (found === null) throw new WindlassError("conflict", `${record.id} does not wait for an approval`);
  if (found.approved === approved && found.by === by) return record.id;
  throw new WindlassError("conflict", `${record.name} was ${found.approved ? "approved" : "rejected"} by ${found.by} at ${found.at}`);
}

function decisionOf(output: Json): { readonly approved: boolean; readonly by: string; readonly at: string } | null {
  const { approved, by, at } = isJsonObject(output) ? output : ({} as JsonObject);
  return typeof approved === "boolean" && typeof by === "string" && typeof at === "string" ? { approved, by, at } : null;
}

/** This job, or the only one below it that waits for an approval (of this step). */
async function waitingFor(context: EngineContext, view: JobView, { step }: Approval): Promise<JobView> {
  const { record, live, final } = view;
  if (live?.wait?.for === "approval" || record.executor !== "none" || decisionOf(final?.output ?? null) !== null) return view;
  const below = await context.store.reads.list({
    workspace: record.workspace,
    rootId: record.rootId,
    order: "oldest",
    limit: WAITING_MAX,
    states: ["waiting"],
  });
  const waiting = below.filter(
    (one) =>
      one.live?.wait?.for === "approval" &&
      one.record.path.split("/").includes(record.id) &&
      (step === undefined || one.record.childKey === step),
  );
  const [only, ...others] = waiting;
  const what = step === undefined ? record.id : `step ${step} of ${record.id}`;
  if (only === undefined) return decidedStep(context, view, { step, what });
  if (others.length === 0) return only;
  const names = waiting.map((one) => `${one.record.childKey ?? one.record.name} (${one.record.id})`);
  throw new WindlassError("conflict", `${waiting.length} steps of ${record.id} wait for an approval; name one: ${names.join(", ")}`);
}

/** A step that was decided already may be named again (Y2). */
async function decidedStep(
  { store }: EngineContext,
  { record }: JobView,
  { step, what }: { readonly step: string | undefined; readonly what: string },
): Promise<JobView> {
  const children =
    step === undefined
      ? []
      : await store.reads.list({ workspace: record.workspace, parentId: record.id, order: "oldest", limit: WAITING_MAX });
  const decided = children.find((one) => one.record.childKey === step && decisionOf(one.final?.output ?? null) !== null);
  if (decided !== undefined) return decided;
  throw new WindlassError("conflict", `nothing waits for an approval in ${what}`);
}
