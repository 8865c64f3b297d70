/**
 * What a worker has to tell, kept until the server has answered.
 *
 * O1. Every item is answered once, or dropped with the session; until then it is sent over each new connection, in order.
 * O2. Log lines that nobody takes do not fill the memory: beyond a limit they are cut, and the log says so.
 */
import type { WorkerItem } from "@windlass/contract";

export interface Answered {
  readonly stored: boolean;
  /** Why not. */
  readonly why: string | null;
}

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
export type NewItem = Without<WorkerItem, "n">;

export interface Outbox {
  /** Items that were not answered yet. */
  readonly size: number;
  /** Resolves with the server's answer; null when it was dropped. */
  add(item: NewItem): Promise<Answered | null>;
  /** What is to be sent now, as JSON. */
  take(): string[];
  /** Everything that was not answered is to be sent again. */
  rewind(): void;
  answered(n: number, answer: Answered): void;
  /** Drops all but the ends of handlers: their jobs are not held any more, but what has ended may still count. */
  dropUnended(): void;
  /** Drops everything. */
  clear(): void;
}

interface Entry {
  readonly n: number;
  readonly item: NewItem;
  /** How much of a log's text it holds. */
  readonly logLength: number;
  readonly resolve: (answer: Answered | null) => void;
}

/** Text of log lines that is kept while the server takes none. */
const LOG_KEPT_MAX = 8_388_608;

export function outbox(): Outbox {
  const entries = new Map<number, Entry>();
  let unsent: Entry[] = [];
  let last = 0;
  let logKept = 0;
  const end = (entry: Entry, answer: Answered | null): void => {
    entries.delete(entry.n);
    logKept -= entry.logLength;
    entry.resolve(answer);
  };
  return {
    get size() {
      return entries.size;
    },
    add: (given) =>
      new Promise((resolve) => {
        const item = logKept > LOG_KEPT_MAX ? cut(given) : given;
        const entry: Entry = { n: ++last, item, logLength: lengthOf(item), resolve };
        logKept += entry.logLength;
        entries.set(entry.n, entry);
        unsent.push(entry);
      }),
    take() {
      const texts = unsent.filter(({ n }) => entries.has(n)).map(({ n, item }) => JSON.stringify({ n, ...item }));
      unsent = [];
      return texts;
    },
    rewind() {
      unsent = [...entries.values()];
    },
    answered(n, answer) {
      const entry = entries.get(n);
      if (entry !== undefined) end(entry, answer);
    },
    dropUnended() {
      for (const entry of entries.values()) if (entry.item.what !== "end") end(entry, null);
    },
    clear() {
      for (const entry of entries.values()) end(entry, null);
    },
  };
}

function lengthOf(item: NewItem): number {
  return item.what === "log" ? item.lines.reduce((sum, [, line]) => sum + line.length, 0) : 0;
}

function cut(item: NewItem): NewItem {
  if (item.what !== "log") return item;
  const at = item.lines[0]?.[0] ?? 0;
  return { ...item, lines: [[at, `[cut here, lines: ${item.lines.length}; the server took none for too long]`]] };
}
