/** `Notices` in memory, for tests of what works with them: it keeps their contract on whatever clock it is handed. */
import { NOTICE_BYTES_MAX } from "@windlass/kernel";
import type { Clock, DeadNotice, DeadNotices, Notices, OutgoingNotice, ReceivedNotice } from "@windlass/ports";

export interface MemoryNoticesOptions {
  readonly clock: Clock;
  readonly name?: string;
  readonly visibilityMs?: number;
  readonly attemptsMax?: number;
}

/** What stays when its clients are closed: connecting again finds it. */
export interface NoticesMemory {
  readonly waiting: Held[];
  readonly dead: DeadNotice[];
}

interface Held extends OutgoingNotice {
  readonly firstAt: number;
  attempts: number;
  /** Hidden until then. */
  visibleAt: number;
  /** Of who received it last; empty: nobody has it. */
  handle: string;
}

export const noticesMemory = (): NoticesMemory => ({ waiting: [], dead: [] });

let numbers = 0;

export function memoryNotices(memory: NoticesMemory, options: MemoryNoticesOptions): Notices {
  const { clock, name = "memory", visibilityMs = 300_000, attemptsMax = 10 } = options;
  const inside = insideOf(memory, { clock, name, visibilityMs, attemptsMax });
  const closing = new AbortController();
  const dedupesMs = 120_000;
  const seen = new Map<string, number>();
  return {
    identity: name,
    visibilityMs,
    attemptsMax,
    dedupesMs,
    async send(batch) {
      return batch.map((one) => {
        const fault = Buffer.byteLength(one.body) > NOTICE_BYTES_MAX ? { message: "too large", mayPass: false } : null;
        const isKnown = clock.now() - (seen.get(one.id) ?? -Infinity) < dedupesMs;
        if (fault === null && !isKnown) inside.add(one);
        if (fault === null) seen.set(one.id, clock.now());
        return { id: one.id, fault };
      });
    },
    async receive({ max, waitMs, signal }) {
      const until = clock.monotonic() + waitMs;
      const isOver = (): boolean => closing.signal.aborted || signal?.aborted === true;
      for (;;) {
        const taken = isOver() ? [] : inside.take(max);
        if (taken.length > 0 || isOver() || clock.monotonic() >= until) return taken;
        await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
      }
    },
    async extend(all) {
      for (const one of all) {
        const held = inside.heldOf(one);
        if (held !== undefined) held.visibleAt = clock.now() + visibilityMs;
      }
    },
    async acknowledge(all) {
      for (const one of all) inside.drop(inside.heldOf(one));
    },
    async retry(one, { delayMs, counts }) {
      const held = inside.heldOf(one);
      if (held === undefined) return;
      Object.assign(held, { handle: "", visibleAt: clock.now() + delayMs, attempts: held.attempts - (counts ? 0 : 1) });
    },
    async deadLetter(one, why) {
      const held = inside.heldOf(one);
      if (held !== undefined) inside.bury(held, why);
    },
    async figures() {
      const received = memory.waiting.filter(({ handle, visibleAt }) => handle !== "" && visibleAt > clock.now()).length;
      const oldestAt = memory.waiting.length === 0 ? null : Math.min(...memory.waiting.map(({ firstAt }) => firstAt));
      return { waiting: memory.waiting.length - received, received, dead: memory.dead.length, oldestAt };
    },
    dead: deadIn(memory, inside),
    isOpen: () => !closing.signal.aborted,
    async close() {
      closing.abort();
    },
  };
}

interface Inside {
  heldOf(notice: ReceivedNotice): Held | undefined;
  drop(held: Held | undefined): void;
  add(notice: OutgoingNotice): void;
  bury(held: Held, why: Pick<DeadNotice, "reason" | "message">): void;
  take(max: number): ReceivedNotice[];
}

function insideOf(memory: NoticesMemory, { clock, visibilityMs, attemptsMax }: Required<MemoryNoticesOptions>): Inside {
  const heldOf = ({ handle }: ReceivedNotice): Held | undefined => memory.waiting.find((one) => one.handle === handle);
  const drop = (held: Held | undefined): void => void (held && memory.waiting.splice(memory.waiting.indexOf(held), 1));
  const add = (one: OutgoingNotice): void => {
    memory.waiting.push({ ...one, firstAt: clock.now(), attempts: 0, visibleAt: 0, handle: "" });
  };
  const bury = (held: Held, why: Pick<DeadNotice, "reason" | "message">): void => {
    const { id, body, attributes, attempts, firstAt } = held;
    drop(held);
    const message = why.message.replace(/[\r\n]+/gu, " ");
    memory.dead.push({ letterId: String(++numbers), id, body, attributes, ...why, message, attempts, firstAt, diedAt: clock.now() });
  };
  const take = (max: number): ReceivedNotice[] => {
    const taken: ReceivedNotice[] = [];
    for (const held of [...memory.waiting]) {
      if (taken.length === max || held.visibleAt > clock.now()) continue;
      if (held.attempts === attemptsMax) {
        bury(held, { reason: "attempts_exhausted", message: "it was received too often" });
        continue;
      }
      held.attempts++;
      held.handle = String(++numbers);
      held.visibleAt = clock.now() + visibilityMs;
      const { id, body, attributes, attempts, firstAt, handle } = held;
      taken.push({ id, body, attributes, attempts, firstAt, handle });
    }
    return taken;
  };
  return { heldOf, drop, add, bury, take };
}

/** How often who waits looks whether something is there. */
const LOOK_MS = 20;

function deadIn(memory: NoticesMemory, inside: Inside): DeadNotices {
  return {
    list: async ({ after, limit }) => memory.dead.filter(({ letterId }) => Number(letterId) > Number(after ?? 0)).slice(0, limit),
    get: async (letterId) => memory.dead.find((letter) => letter.letterId === letterId) ?? null,
    async redrive(letterId, attributes) {
      const letter = memory.dead.find((one) => one.letterId === letterId);
      if (letter === undefined) return false;
      inside.add({ id: letter.id, body: letter.body, attributes: attributes ?? letter.attributes });
      memory.dead.splice(memory.dead.indexOf(letter), 1);
      return true;
    },
    async remove(letterIds) {
      const gone = memory.dead.filter(({ letterId }) => letterIds.includes(letterId));
      for (const letter of gone) memory.dead.splice(memory.dead.indexOf(letter), 1);
      return gone.length;
    },
  };
}
