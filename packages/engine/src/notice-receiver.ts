/**
 * The receiving half of the spawner: takes notices from a queue and sees to it that there is an execution for each.
 *
 * E1. A notice is acknowledged once its execution is stored, whether or not it has started: what waits for its turn waits in the
 *     store, which has its order and its limits.
 * E2. One that names no execution makes one, under an idempotency key of its schedule and nominal time, or of its own id. So it
 *     makes one however often it comes, and to however many.
 *     What it made before is found by that key also where it could not be made any more: its workflow was deleted, takes no such input
 *     now, or lacks a secret or an image. It is done with then, unless another notice had its id: one that asked for something else.
 * E3. What can never be followed is a dead letter at once, with its reason, and holds up no other of its batch.
 * E4. What fails for reasons of ours (no store) is given back without counting; what fails in a way that nobody foresaw counts.
 * E5. What is at work is hidden from others again before its time is over.
 */
import {
  backoffDelay,
  canonicalJson,
  hasCode,
  mayPass,
  messageOf,
  minutes,
  readNotice,
  seconds,
  workflowOfNotice,
  type Backoff,
  type JobRecord,
  type Notice,
  type NoticeFault,
} from "@windlass/kernel";
import type { Notices, ReceivedNotice } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { every } from "./every.ts";
import type { Jobs } from "./jobs.ts";
import type { NoticeQueue } from "./notice-queue.ts";
import type { NoticeSignatures, SignatureFault } from "./notice-signatures.ts";
import { loop, serviceOf, type Service } from "./service.ts";
import type { SubmitRequest } from "./submit.ts";

export interface NoticeOptions {
  /** Opens the queue. Throws `unavailable` where the broker is away; what else it throws will not mend by itself. */
  readonly open: () => Promise<Notices>;
  readonly signatures: NoticeSignatures;
  /** What to submit for a notice that names no execution. Throws `not_found` without the workflow, `invalid` for its input. */
  readonly executionOf: (notice: Notice) => Promise<SubmitRequest>;
}

/** What becomes of a notice. */
type Verdict =
  | { readonly verdict: "done"; readonly executionId: string }
  | { readonly verdict: "dead"; readonly reason: NoticeFault; readonly message: string }
  | { readonly verdict: "later"; readonly counts: boolean; readonly message: string };

/** What brokers hand out at once. */
const BATCH = 10;
/** The longest wait of SQS; others have none of their own. */
const WAIT_MS: number = seconds(20);
/** A wait that ends sooner and brings nothing was none. */
const AT_ONCE_MS: number = seconds(1);
/** Of the time that a notice is hidden: early enough for one that is late. */
const EXTEND_AFTER = 1 / 3;
/** What is away mostly comes back soon. */
const AWAY_MS: number = seconds(5);
/** How often the broker is asked what lies there: at SQS each look costs. */
const FIGURES_MS: number = seconds(15);
const RETRY: Backoff = { initial: seconds(1), factor: 2, max: minutes(5), jitter: 0.3 };

export function noticeReceiver(
  context: EngineContext,
  jobs: Pick<Jobs, "submit">,
  options: Omit<NoticeOptions, "open"> & { readonly queue: NoticeQueue },
): Service {
  const { queue } = options;
  const { notices: figures } = context.figures;
  const timeToLook = every(context, FIGURES_MS);
  return serviceOf("notices", async () => {
    const stopping = new AbortController();
    const passes = loop({
      name: "notices",
      clock: context.clock,
      random: context.random,
      logger: context.logger,
      // The wait for a notice is the rest, but where a broker does not let wait.
      restMs: AT_ONCE_MS,
      async pass() {
        const notices = await queue.opened();
        const began = context.clock.monotonic();
        const batch = await notices.receive({ max: BATCH, waitMs: WAIT_MS, signal: stopping.signal }).catch((error: unknown) => {
          figures.fault = messageOf(error);
          throw error;
        });
        figures.fault = null;
        figures.received += batch.length;
        const atWork = new Set(batch);
        const cancel = keepHidden(context, notices, atWork);
        try {
          await Promise.all(
            batch.map(async (notice) => {
              const verdict = stopping.signal.aborted ? STOPPING : await judge(context, jobs, { ...options, notices, notice });
              atWork.delete(notice);
              if (verdict.verdict === "dead") figures.dead++;
              await settle(context, notices, { notice, verdict });
            }),
          );
        } finally {
          cancel();
        }
        if (timeToLook()) figures.atBroker = await notices.figures();
        return !stopping.signal.aborted && (batch.length > 0 || context.clock.monotonic() - began >= AT_ONCE_MS);
      },
    });
    await passes.start();
    return async () => {
      stopping.abort();
      await passes.stop();
    };
  });
}

const STOPPING: Verdict = { verdict: "later", counts: false, message: "the server is about to stop" };

/** Never throws. */
async function judge(
  context: EngineContext,
  jobs: Pick<Jobs, "submit">,
  {
    notices,
    signatures,
    executionOf,
    notice,
  }: Omit<NoticeOptions, "open"> & { readonly notices: Notices; readonly notice: ReceivedNotice },
): Promise<Verdict> {
  try {
    const signature = signatureOf(signatures, notice, { queue: notices.identity, now: context.now() });
    if ("verdict" in signature) return signature;
    const { fault } = signature;
    if (fault !== null && signatures.mode === "enforce") return { verdict: "dead", ...fault };
    if (fault !== null)
      context.logger.warn("a notice is not signed as it should be, and is taken", { notice: notice.id, fault: fault.message });
    const read = readNotice(notice.body);
    if ("fault" in read) return { verdict: "dead", reason: read.fault, message: read.message };
    const { execution_id: executionId } = read.notice;
    if (executionId !== undefined) return await findExecution(context, executionId);
    const key = keyOf(context, { notice, read: read.notice, queue: notices.identity });
    try {
      return await makeExecution(jobs, { request: await executionOf(read.notice), ...key });
    } catch (error) {
      const made = await madeBefore(context, { read: read.notice, ...key, error });
      if (made === null) throw error;
      return { verdict: "done", executionId: made };
    }
  } catch (error) {
    return verdictOf(error);
  }
}

/** See E4: keys that cannot be read now say nothing of the notice. */
function signatureOf(
  signatures: NoticeSignatures,
  notice: ReceivedNotice,
  at: { readonly queue: string; readonly now: number },
): { readonly fault: SignatureFault | null } | Verdict {
  try {
    return { fault: signatures.mode === "off" ? null : signatures.fault(notice, at) };
  } catch (error) {
    return { verdict: "later", counts: false, message: `its signature cannot be looked at: ${messageOf(error)}` };
  }
}

/** See E1. Whoever carries it out is woken, and looks at the store from time to time anyway. */
async function findExecution(context: EngineContext, executionId: string): Promise<Verdict> {
  const [record] = await context.store.jobs.records([executionId]);
  if (record === undefined)
    return { verdict: "dead", reason: "unknown_execution", message: `there is no execution ${executionId} in this store` };
  context.bus.publish("ready", `${record.executor}/${record.queue}`);
  return { verdict: "done", executionId };
}

/** See E2. */
async function makeExecution(
  jobs: Pick<Jobs, "submit">,
  { request, key, isOfTime }: { readonly request: SubmitRequest; readonly key: string; readonly isOfTime: boolean },
): Promise<Verdict> {
  try {
    const { id } = await jobs.submit({ ...request, idempotencyKey: key });
    return { verdict: "done", executionId: id };
  } catch (error) {
    if (!hasCode(error, "idempotency_mismatch")) throw error;
    // That time was made before: since then the workflow has another version, or it came with another input.
    if (isOfTime) return { verdict: "done", executionId: "" };
    return { verdict: "dead", reason: "refused", message: "another notice had this id, and asked for something else" };
  }
}

/** See E2. What may go better soon is tried again instead. */
async function madeBefore(
  context: EngineContext,
  { read, key, isOfTime, error }: { readonly read: Notice; readonly key: string; readonly isOfTime: boolean; readonly error: unknown },
): Promise<string | null> {
  if (mayPass(error)) return null;
  const id = await context.store.reads.made(workflowOfNotice(read).workspace, key);
  if (id === null || isOfTime) return id;
  const [record] = await context.store.jobs.records([id]);
  return record !== undefined && isAskedFor(context, record, read) ? id : null;
}

/** Whether it is an execution of this notice, by the workflow as it was then: what the notice leaves out, that one fills in. */
function isAskedFor(context: EngineContext, { kind, spec, input }: JobRecord, { input: given = {} }: Notice): boolean {
  const made = context.kindOf(kind);
  return canonicalJson(made?.inputs === undefined ? given : made.inputs(spec, given)) === canonicalJson(input);
}

/** Where the idempotency keys of notices begin; it is no key that people would think of. */
const KEY = "windlass.dev/notice";

/** Whether a notice made it: whoever takes notices knows of it already. */
export function isOfNotice({ idempotencyKey }: Pick<JobRecord, "idempotencyKey">): boolean {
  return idempotencyKey?.startsWith(`${KEY}/`) === true;
}

/** See E2. An id says something only within its queue: who sends the next ones may begin to count anew. */
function keyOf(
  { sha256 }: EngineContext,
  { notice, read, queue }: { readonly notice: ReceivedNotice; readonly read: Notice; readonly queue: string },
): { readonly key: string; readonly isOfTime: boolean } {
  const { schedule_id: schedule, nominal_time: nominal, workflow_id: workflow } = read;
  if (schedule !== undefined) return { key: `${KEY}/${workflow}/${schedule}/${new Date(nominal).toISOString()}`, isOfTime: true };
  return { key: `${KEY}/${sha256(JSON.stringify([queue, workflow, notice.id]))}`, isOfTime: false };
}

/** What is the fault of the notice itself, and will be tomorrow. */
const ITS_OWN = ["invalid", "bad_request", "too_large"] as const;

/** See E3 and E4. */
function verdictOf(error: unknown): Verdict {
  const message = messageOf(error);
  if (mayPass(error) || hasCode(error, "unavailable")) return { verdict: "later", counts: false, message };
  if (hasCode(error, "not_found")) return { verdict: "dead", reason: "unknown_workflow", message };
  if (hasCode(error, "workflow_disabled")) return { verdict: "dead", reason: "workflow_disabled", message };
  if (ITS_OWN.some((code) => hasCode(error, code))) return { verdict: "dead", reason: "refused", message };
  return { verdict: "later", counts: true, message };
}

async function settle(
  context: EngineContext,
  notices: Notices,
  { notice, verdict }: { readonly notice: ReceivedNotice; readonly verdict: Verdict },
): Promise<void> {
  const { logger, random } = context;
  const { id, attempts } = notice;
  try {
    switch (verdict.verdict) {
      case "done":
        logger.debug("a notice is done with", { notice: id, execution: verdict.executionId });
        return await notices.acknowledge([notice]);
      case "dead":
        logger.warn("a notice is a dead letter", { notice: id, reason: verdict.reason, message: verdict.message });
        return await notices.deadLetter(notice, verdict);
      case "later":
        logger.warn("a notice is given back", { notice: id, attempts, message: verdict.message });
        return await notices.retry(notice, {
          counts: verdict.counts,
          delayMs: verdict === STOPPING ? 0 : verdict.counts ? backoffDelay(RETRY, attempts, random.next()) : AWAY_MS,
        });
    }
  } catch (error) {
    // It is received again (P1), and found done.
    logger.warn("a notice could not be settled, and comes again", { notice: id, error: messageOf(error) });
  }
}

/** See E5. */
function keepHidden(context: EngineContext, notices: Notices, atWork: ReadonlySet<ReceivedNotice>): () => void {
  let cancel = (): void => {};
  const again = (): void => {
    cancel = context.clock.after(notices.visibilityMs * EXTEND_AFTER, () => {
      if (atWork.size > 0)
        notices
          .extend([...atWork])
          .catch((error: unknown) => context.logger.warn("notices at work could not be kept hidden", { error: messageOf(error) }));
      again();
    });
  };
  again();
  return () => cancel();
}
