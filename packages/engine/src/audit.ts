/**
 * Who changed what, and who was refused. Entries are gathered and written in groups, so that no call waits for its own.
 *
 * U1. An entry is stored within GATHER_MS of its call while the store answers. Who crashes loses what was gathered since; a
 *     stop writes everything. The change itself is durable before its answer, and tells in its events who asked for it.
 * U2. At most GATHERED_MAX entries wait. What comes beyond that while the store does not answer is counted, logged, and
 *     told in an entry of its own.
 * U3. Of callers that nobody knows at most STRANGERS_MAX are written each minute: they cost their sender nothing.
 */
import { messageOf, type AuditEntry } from "@windlass/kernel";
import type { AuditFilter } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { loop, type Loop } from "./service.ts";

/** How long entries are gathered before they are written together. */
const GATHER_MS = 200;
const GATHERED_MAX = 10_000;
/** Entries of one write. */
const BATCH = 500;
const STRANGERS_MAX = 60;
const MINUTE_MS = 60_000;
/** Entries are written when there are some; this is for those that a failed write left. */
const REST_MS = 1_000;

/** Who made a call that no token stands behind. */
export const STRANGER = { id: "none", name: "unknown" } as const;

export type Audited = Omit<AuditEntry, "id" | "at">;

export interface Audit extends Loop {
  /** Never waits and never fails. */
  record(entry: Audited): void;
  /** Newest first; what this process has recorded before the call is among them. */
  list(filter: AuditFilter): Promise<readonly AuditEntry[]>;
}

export function audit(context: EngineContext): Audit {
  const { store, clock, logger } = context;
  let gathered: AuditEntry[] = [];
  let lost = 0;
  let strangers = { since: -MINUTE_MS, count: 0 };
  let writing: Promise<void> = Promise.resolve();
  let isPlanned = false;

  const entryOf = (entry: Audited): AuditEntry => ({ id: context.newId("aud"), at: context.now(), ...entry });

  const writeAll = async (): Promise<void> => {
    while (gathered.length > 0) {
      const batch = gathered.slice(0, BATCH);
      await store.audit.add(batch);
      gathered = gathered.slice(batch.length);
      if (lost === 0) continue;
      logger.error("entries of the audit were lost while the store did not answer", { lost });
      gathered.push(entryOf(lostEntry(lost)));
      lost = 0;
    }
  };
  /** One write at a time, in order; a failed one is tried again by whoever comes next. */
  const flush = (): Promise<void> => {
    const next = writing.then(writeAll);
    writing = next.catch(() => {});
    return next;
  };
  const isOneStrangerTooMany = ({ actorId }: Audited): boolean => {
    if (actorId !== STRANGER.id) return false;
    const now = clock.monotonic();
    if (now - strangers.since >= MINUTE_MS) strangers = { since: now, count: 0 };
    return ++strangers.count > STRANGERS_MAX;
  };

  const writes = loop({
    name: "audit",
    clock,
    random: context.random,
    logger,
    restMs: () => (gathered.length > 0 ? REST_MS : MINUTE_MS),
    pass: async () => {
      await flush();
      return false;
    },
  });
  return {
    ...writes,
    record(entry) {
      if (isOneStrangerTooMany(entry)) return;
      if (gathered.length >= GATHERED_MAX) {
        lost++;
        return;
      }
      gathered.push(entryOf(entry));
      if (isPlanned) return;
      isPlanned = true;
      clock.after(GATHER_MS, () => {
        isPlanned = false;
        writes.wake();
      });
    },
    async list(filter) {
      await flush();
      return store.audit.list(filter);
    },
    async stop() {
      await writes.stop();
      await flush().catch((error: unknown) => {
        logger.error("the last entries of the audit could not be stored", { entries: gathered.length, error: messageOf(error) });
      });
    },
  };
}

function lostEntry(count: number): Audited {
  return {
    workspace: "default",
    actorId: STRANGER.id,
    actorName: "windlass",
    operation: "audit.lost",
    object: `${count} entries`,
    outcome: "unavailable",
    requestId: "",
  };
}
