/**
 * The sending half between dispatcher and spawner: tells the queue of each execution that was stored. The log of events, which is
 * written in the transaction that stores the execution, is its outbox. One process leads; more do no harm.
 *
 * R1. An execution is told of after it is stored, and until the broker has said that it has the notice: the place in the log is
 *     stored behind what was confirmed, and nothing else. Whoever dies in between sends it again, under the same id.
 * R2. It is signed when it is sent, also when it is sent again: none is too old because the broker was away for long.
 * R3. One that can never be sent is passed over, and told in the log: its execution is stored, and is found there.
 * R4. What was stored before there was a queue is not told of: whoever starts executions has found it.
 */
import { isToldOf, minutes, noticeAttributes, noticeOf, seconds, WindlassError, type JobRecord } from "@windlass/kernel";
import type { FeedEntry, Notices, OutgoingNotice } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { leadership } from "./lead.ts";
import type { NoticeQueue } from "./notice-queue.ts";
import { isOfNotice } from "./notice-receiver.ts";
import type { NoticeSignatures } from "./notice-signatures.ts";
import { loop, type Service } from "./service.ts";

export interface RelayOptions {
  readonly session: () => string;
  readonly queue: NoticeQueue;
  readonly signatures: NoticeSignatures;
}

/** Under which its place in the log is kept. */
const PLACE = "notices";
const LEAD_MS: number = seconds(10);
/** How often it looks although nothing woke it. */
const REST_MS: number = seconds(5);
/** Events that one pass takes: what is sent at once is bounded by it. */
const PAGE = 500;
/** A place is stored although nothing was to be sent before it, so that the next start does not read it all again. */
const PLACE_MS: number = minutes(1);

export function noticeRelay(context: EngineContext, options: RelayOptions): Service {
  const { store, bus, clock, random, logger } = context;
  const leads = leadership(context, { chore: "notices", session: options.session, leadMs: LEAD_MS });
  /** Up to where it was looked through, beyond what is stored; null: not known, or somebody else led. */
  let seen: string | null = null;
  let storedAt = 0;
  return loop({
    name: "notice relay",
    clock,
    random,
    logger,
    restMs: REST_MS,
    subscribe: (wake) => bus.subscribe("events", wake),
    async pass() {
      if (!(await leads())) {
        seen = null;
        return false;
      }
      const stored = await store.feedPlaces.get(PLACE);
      if (stored === null) {
        await store.feedPlaces.move(PLACE, { from: null, to: await store.reads.feedEnd() });
        return true;
      }
      const from = seen === null || seen < stored ? stored : seen;
      const entries = await store.reads.feed(from, PAGE);
      const last = entries.at(-1)?.position ?? from;
      const due = await executionsIn(context, entries);
      const { to, fault } = await sendAll(context, options, { due, from, last });
      if (to !== stored && (due.length > 0 || clock.monotonic() - storedAt >= PLACE_MS)) {
        // Somebody else leads now: what was sent twice makes one execution.
        if (!(await store.feedPlaces.move(PLACE, { from: stored, to }))) return true;
        storedAt = clock.monotonic();
      }
      seen = to;
      if (fault !== null) throw new WindlassError("unavailable", `notices could not be sent: ${fault}`);
      return entries.length === PAGE;
    },
  });
}

interface Due {
  readonly record: JobRecord;
  readonly position: string;
  /** The position of the event before it. */
  readonly before: string | null;
  readonly at: number;
}

async function executionsIn({ store }: EngineContext, entries: readonly FeedEntry[]): Promise<readonly Due[]> {
  const submitted = entries.filter(({ event }) => event.type === "job.submitted");
  if (submitted.length === 0) return [];
  const records = new Map((await store.jobs.records(submitted.map(({ event }) => event.jobId))).map((record) => [record.id, record]));
  return entries.flatMap(({ position, event }, i) => {
    const record = event.type === "job.submitted" ? records.get(event.jobId) : undefined;
    if (record === undefined || !isToldOf(record) || isOfNotice(record)) return [];
    return { record, position, before: entries[i - 1]?.position ?? null, at: event.at };
  });
}

/** `to`: behind the last event of which nothing is left to be told (R1). */
async function sendAll(
  context: EngineContext,
  { queue, signatures }: RelayOptions,
  { due, from, last }: { readonly due: readonly Due[]; readonly from: string; readonly last: string },
): Promise<{ readonly to: string; readonly fault: string | null }> {
  const { notices: figures } = context.figures;
  const [first] = due;
  figures.outbox = { depth: due.length, oldestAt: first?.at ?? null };
  if (first === undefined) return { to: last, fault: null };
  const notices = await queue.opened();
  const sent = await notices.send(due.map(({ record }) => outgoing(context, { record, notices, signatures })));
  for (const [i, { id, fault }] of sent.entries()) {
    if (fault === null) figures.sent++;
    else if (!fault.mayPass)
      context.logger.error("an execution cannot be told of, and is left to be found", { execution: id, fault: fault.message });
    else {
      figures.failed += sent.length - i;
      figures.outbox = { depth: due.length - i, oldestAt: due[i]?.at ?? null };
      return { to: due[i]?.before ?? from, fault: fault.message };
    }
  }
  figures.outbox = { depth: 0, oldestAt: null };
  return { to: last, fault: null };
}

/** See R2. The id is that of the execution: a broker that knows ids takes it once. */
function outgoing(
  context: EngineContext,
  { record, notices, signatures }: { readonly record: JobRecord; readonly notices: Notices; readonly signatures: NoticeSignatures },
): OutgoingNotice {
  const now = context.now();
  const notice = noticeOf(record, now);
  const plain = { id: record.id, body: JSON.stringify(notice), attributes: noticeAttributes(notice) };
  return { ...plain, attributes: signatures.sign(plain, { queue: notices.identity, now }) };
}
