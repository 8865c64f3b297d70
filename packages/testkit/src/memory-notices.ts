/** `Notices` in memory, for tests of what works with them: it keeps their contract on whatever clock it is handed. */
import { NOTICE_BYTES_MAX } from "@windlass/kernel";
import {
  boundedLetters,
  howOf,
  type Clock,
  type DeadNotice,
  type DeadNotices,
  type Notices,
  type OutgoingNotice,
  type ReceivedNotice,
} from "@windlass/ports";

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
  readonly redrives: number;
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
  add(notice: OutgoingNotice, again?: { readonly firstAt: number; readonly redrives: number; readonly delayMs: number }): void;
  bury(held: Held, why: Pick<DeadNotice, "reason" | "message">): void;
  take(max: number): ReceivedNotice[];
}

function insideOf(memory: NoticesMemory, { clock, visibilityMs, attemptsMax }: Required<MemoryNoticesOptions>): Inside {
  const heldOf = ({ handle }: ReceivedNotice): Held | undefined => memory.waiting.find((one) => one.handle === handle);
  const drop = (held: Held | undefined): void => void (held && memory.waiting.splice(memory.waiting.indexOf(held), 1));
  const add: Inside["add"] = (one, { firstAt, redrives, delayMs } = { firstAt: clock.now(), redrives: 0, delayMs: 0 }) => {
    memory.waiting.push({ ...one, firstAt, redrives, attempts: 0, visibleAt: delayMs === 0 ? 0 : clock.now() + delayMs, handle: "" });
  };
  const bury = (held: Held, why: Pick<DeadNotice, "reason" | "message">): void => {
    const { id, body, attributes, attempts, firstAt, redrives } = held;
    drop(held);
    const message = why.message.replace(/[\r\n]+/gu, " ");
    const told = { ...why, message, attempts, firstAt, diedAt: clock.now(), redrives };
    memory.dead.push({ letterId: String(++numbers), id, body, attributes, ...told });
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
      const { id, body, attributes, attempts, firstAt, redrives, handle } = held;
      taken.push({ id, body, attributes, attempts, firstAt, redrives, handle });
    }
    return taken;
  };
  return { heldOf, drop, add, bury, take };
}

/** How often who waits looks whether something is there. */
const LOOK_MS = 20;

const bySeq = (a: string, b: string): number => Number(a) - Number(b);

function deadIn(memory: NoticesMemory, inside: Inside): DeadNotices {
  return {
    async look({ after = "0", limit, letterIds, fits = () => true }) {
      const held = boundedLetters(limit, bySeq);
      for (const letter of memory.dead)
        if (bySeq(letter.letterId, after) > 0 && letterIds?.has(letter.letterId) !== false && fits(letter)) held.add(letter);
      return { letters: held.letters, next: held.isCut ? (held.letters.at(-1)?.letterId ?? null) : null, unseen: null };
    },
    async redrive(letterIds, how) {
      const sent: string[] = [];
      const refused: { letterId: string; why: string }[] = [];
      for (const letter of memory.dead.filter(({ letterId }) => letterIds.includes(letterId))) {
        const { letterId, id, body, firstAt, redrives } = letter;
        const asked = howOf(how, letter);
        if ("why" in asked) {
          refused.push({ letterId, why: asked.why });
          continue;
        }
        const { attributes = letter.attributes, delayMs = 0 } = asked;
        inside.add({ id, body, attributes }, { firstAt, redrives: redrives + 1, delayMs });
        memory.dead.splice(memory.dead.indexOf(letter), 1);
        sent.push(letterId);
      }
      return { sent, refused, fault: null };
    },
    async remove(letterIds) {
      const gone = memory.dead.filter(({ letterId }) => letterIds.includes(letterId));
      for (const letter of gone) memory.dead.splice(memory.dead.indexOf(letter), 1);
      return { removed: gone.length, fault: null };
    },
  };
}
