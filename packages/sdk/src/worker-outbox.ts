/**
 * What a worker has to tell, kept until the server has answered.
 *
 * O1. Every item is answered once, or dropped with the session or the worker, whenever it comes; until then it is sent over each new
 *     connection, in order.
 * O2. Log lines that nobody takes do not fill the memory: beyond a limit they are cut, and the log says so, in one item for all
 *     that an attempt writes until it is sent. While that one is not answered (the server is there, and does not come to it) what is cut
 *     is only counted, and told by the next one, or before what else of that attempt has to stand behind it.
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
  /** Characters of those of them that were sent; log lines have a limit of their own (O2). */
  readonly length: number;
  /** Resolves with the server's answer; null when it was dropped. */
  add(item: NewItem): Promise<Answered | null>;
  /** What is to be sent now, as JSON. */
  take(): string[];
  /** Everything that was not answered is to be sent again. */
  rewind(): void;
  answered(n: number, answer: Answered): void;
  /** Drops all but the ends of handlers: their jobs are not held any more, but what has ended may still count. */
  dropUnended(): void;
  /** Drops everything, and at once what is added from now on: nobody sends it any more. */
  end(): void;
}

interface Entry {
  readonly n: number;
  /** Replaced only while it was never sent. */
  item: NewItem;
  /** How much of a log's text it holds. */
  readonly logLength: number;
  readonly resolve: (answer: Answered | null) => void;
  readonly settled: Promise<Answered | null>;
}

/** What was cut of an attempt's log and is told by an entry that was not answered yet. */
interface Cut {
  readonly entry: Entry;
  readonly told: Count;
  isSent: boolean;
  /** Since it was sent. */
  readonly later: Count;
}

interface Count {
  at: number;
  lines: number;
}

type LogItem = Extract<NewItem, { what: "log" }>;

/** Text of log lines that is kept while the server takes none, or a handler writes faster than it can be sent. */
const LOG_KEPT_MAX = 67_108_864;

export function outbox(): Outbox {
  const entries = new Map<number, Entry>();
  let unsent: Entry[] = [];
  let last = 0;
  let logKept = 0;
  let isOver = false;
  const sent = sentLength();
  const settle = (entry: Entry, answer: Answered | null): void => {
    entries.delete(entry.n);
    logKept -= entry.logLength;
    sent.ended(entry.n);
    entry.resolve(answer);
  };
  const keep = (item: NewItem): Entry => {
    let resolve: Entry["resolve"] = () => {};
    const settled = new Promise<Answered | null>((settle) => (resolve = settle));
    const entry: Entry = { n: ++last, item, logLength: lengthOf(item), resolve, settled };
    logKept += entry.logLength;
    entries.set(entry.n, entry);
    unsent.push(entry);
    return entry;
  };
  const cuts = cutLogs(keep);
  const drop = (isMeant: (entry: Entry) => boolean): void => {
    for (const entry of entries.values()) if (isMeant(entry)) settle(entry, null);
    cuts.clear();
  };
  return {
    get size() {
      return entries.size;
    },
    get length() {
      return sent.length;
    },
    add(item) {
      if (isOver) return Promise.resolve(null);
      if (item.what === "log" && logKept > LOG_KEPT_MAX) return cuts.cut(item).settled;
      if (item.what === "log" || item.what === "end") cuts.tell(item);
      return keep(item).settled;
    },
    take() {
      const texts = unsent.filter(({ n }) => entries.has(n)).map(({ n, item }) => sent.textOf(n, item));
      unsent = [];
      cuts.sent();
      return texts;
    },
    rewind() {
      unsent = [...entries.values()];
    },
    answered(n, answer) {
      const entry = entries.get(n);
      if (entry === undefined) return;
      settle(entry, answer);
      cuts.answered(entry);
    },
    dropUnended: () => drop(({ item }) => item.what !== "end"),
    end() {
      isOver = true;
      drop(() => true);
    },
  };
}

interface CutLogs {
  /** The entry that tells of it, or of what was cut before it. */
  cut(item: LogItem): Entry;
  /** What comes now has to stand behind what was cut before. */
  tell(item: Extract<NewItem, { what: "log" | "end" }>): void;
  sent(): void;
  answered(entry: Entry): void;
  clear(): void;
}

/** Keeps O2. */
function cutLogs(keep: (item: NewItem) => Entry): CutLogs {
  /** By attempt: the last of its log that is kept. */
  const cuts = new Map<string, Cut>();
  const begin = (of: AttemptName, told: Count): Entry => {
    const entry = keep(cutItem(of, told));
    cuts.set(attemptOf(of), { entry, told, isSent: false, later: { at: 0, lines: 0 } });
    return entry;
  };
  return {
    cut(item) {
      const known = cuts.get(attemptOf(item));
      const at = item.lines[0]?.[0] ?? 0;
      if (known === undefined) return begin(item, { at, lines: item.lines.length });
      const count = known.isSent ? known.later : known.told;
      if (count.lines === 0) count.at = at;
      count.lines += item.lines.length;
      if (!known.isSent) known.entry.item = cutItem(item, known.told);
      return known.entry;
    },
    tell(item) {
      const known = cuts.get(attemptOf(item));
      if (known === undefined) return;
      cuts.delete(attemptOf(item));
      if (known.later.lines > 0) keep(cutItem(item, known.later));
    },
    sent() {
      for (const cut of cuts.values()) cut.isSent = true;
    },
    answered({ item, n }) {
      const known = item.what === "log" ? cuts.get(attemptOf(item)) : undefined;
      if (known?.entry.n !== n) return;
      cuts.delete(attemptOf(item));
      if (known.later.lines > 0) begin(item, known.later);
    },
    clear: () => cuts.clear(),
  };
}

type AttemptName = Pick<LogItem, "id" | "token" | "attempt">;

function cutItem({ id, token, attempt }: AttemptName, { at, lines }: Count): LogItem {
  return { what: "log", id, token, attempt, lines: [[at, `[cut here, lines: ${lines}; more was written than the server took]`]] };
}

/** Of what was sent and has not ended, but for log lines. */
function sentLength(): { readonly length: number; textOf(n: number, item: NewItem): string; ended(n: number): void } {
  const lengths = new Map<number, number>();
  let length = 0;
  const ended = (n: number): void => {
    length -= lengths.get(n) ?? 0;
    lengths.delete(n);
  };
  return {
    get length() {
      return length;
    },
    textOf(n, item) {
      const text = JSON.stringify({ n, ...item });
      if (item.what === "log") return text;
      ended(n);
      lengths.set(n, text.length);
      length += text.length;
      return text;
    },
    ended,
  };
}

function lengthOf(item: NewItem): number {
  return item.what === "log" ? item.lines.reduce((sum, [, line]) => sum + line.length, 0) : 0;
}

function attemptOf({ id, token, attempt }: AttemptName): string {
  return `${id}/${token}/${attempt}`;
}
