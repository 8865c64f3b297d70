/**
 * Dead letters of the queue for notices, as they are shown beside those of jobs: looked at, sent again, struck off. They lie at the
 * broker (decision 0026), which is asked each time.
 *
 * T1. A letter belongs to the workspace that its notice names. One in which none can be read belongs to `default`, as a notice that
 *     names none does.
 * T2. Who redrives a letter vouches for it: it is signed anew. So he needs what he would need to run the workflow himself, and
 *     those that were not signed well are only redriven by who names them, or their reason.
 */
import {
  DEFAULT_WORKSPACE,
  hasCode,
  isJsonObject,
  readNotice,
  WindlassError,
  workflowOfNotice,
  type Json,
  type Notice,
  type NoticeFault,
} from "@windlass/kernel";
import type { DeadNotice, Notices } from "@windlass/ports";
import type { CommandGate } from "./command-gate.ts";
import type { EngineContext } from "./context.ts";
import type { NoticeQueue } from "./notice-queue.ts";
import type { NoticeOptions } from "./notice-receiver.ts";

export interface NoticeLetter extends DeadNotice {
  /** `notice_` and its `letterId`: no id of a job begins so. */
  readonly listId: string;
  /** The queue that it died in, as it is signed. */
  readonly queue: string;
  readonly workspace: string;
  /** Null: it cannot be read. */
  readonly notice: Notice | null;
  /** The name of its workflow; empty where it cannot be read. */
  readonly name: string;
}

export interface NoticeLetterFilter {
  readonly workspace: string;
  readonly reason?: NoticeFault;
  readonly name?: string;
  /** Died at this time or later. */
  readonly since?: number;
  /** Died before this time. */
  readonly until?: number;
  /** Of the list. */
  readonly ids?: readonly string[];
  /** Continue behind this one, oldest first; the prefix alone: from the first. */
  readonly after?: string;
  readonly limit: number;
}

export interface NoticeLetterPage {
  readonly letters: readonly NoticeLetter[];
  /** The list goes on behind it: so many were looked at that the look was cut short. Null: it was not. */
  readonly cutAt: string | null;
}

export interface NoticeLetters {
  /** The same as `list`, and where it was cut short. */
  page(filter: NoticeLetterFilter): Promise<NoticeLetterPage>;
  /** Throws `unavailable` where the broker is away, as all of these do. */
  list(filter: NoticeLetterFilter): Promise<readonly NoticeLetter[]>;
  /** Those that were sent again. */
  redrive(filter: NoticeLetterFilter, gate: CommandGate): Promise<readonly NoticeLetter[]>;
  purge(filter: NoticeLetterFilter, dryRun: boolean): Promise<{ readonly matched: number; readonly removed: number }>;
}

export const NOTICE_LETTER = "notice_";
/** What one look at the broker brings: a letter may have a quarter of a megabyte. */
const PAGE = 100;
/** More are not looked through for one call. */
const LOOKED_AT_MAX = 10_000;

export function noticeLetters(
  context: EngineContext,
  { queue, signatures, executionOf }: Omit<NoticeOptions, "open"> & { readonly queue: NoticeQueue },
): NoticeLetters {
  const look = async (notices: Notices, filter: NoticeLetterFilter): Promise<NoticeLetterPage> => {
    // At SQS each look receives all of them: one letter is asked for, many are looked through.
    if (filter.ids?.length === 1) return { letters: await named(notices, filter.ids, filter), cutAt: null };
    const found: NoticeLetter[] = [];
    let after = filter.after === undefined || filter.after === NOTICE_LETTER ? undefined : letterIdOf(filter.after);
    let seen = 0;
    for (; seen < LOOKED_AT_MAX && found.length < filter.limit; seen += PAGE) {
      const page = await notices.dead.list({ limit: PAGE, ...(after === undefined ? {} : { after }) });
      found.push(...page.map((letter) => placed(letter, notices.identity)).filter((letter) => fits(letter, filter)));
      if (page.length < PAGE) break;
      after = page.at(-1)?.letterId;
    }
    if (filter.ids !== undefined && seen >= LOOKED_AT_MAX) {
      const known = new Set(found.map(({ listId }) => listId));
      const unseen = filter.ids.filter((id) => !known.has(id));
      found.push(...(await named(notices, unseen, filter)));
    }
    const isCut = found.length < filter.limit && seen >= LOOKED_AT_MAX && after !== undefined;
    return { letters: found.slice(0, filter.limit), cutAt: isCut ? `${NOTICE_LETTER}${after}` : null };
  };
  const find = async (notices: Notices, filter: NoticeLetterFilter): Promise<readonly NoticeLetter[]> =>
    (await look(notices, filter)).letters;
  /** See T2. */
  const demand = async ({ notice, workspace }: NoticeLetter, gate: CommandGate): Promise<void> => {
    if (notice === null) return;
    const { execution_id: id } = notice;
    if (id !== undefined) {
      const [record] = await context.store.jobs.records([id]);
      if (record?.workspace === workspace) gate(record);
      return;
    }
    try {
      gate(await executionOf(notice));
    } catch (error) {
      // It dies again of what is wrong with it, and runs nothing.
      if (!hasCode(error, "not_found") && !hasCode(error, "invalid")) throw error;
    }
  };
  return {
    page: async (filter) => look(await queue.opened(), filter),
    list: async (filter) => find(await queue.opened(), filter),
    async redrive(filter, gate) {
      const notices = await queue.opened();
      const letters = (await find(notices, filter)).filter((letter) => isMeant(letter, filter));
      for (const letter of letters) await demand(letter, gate);
      const sent: NoticeLetter[] = [];
      for (const letter of letters) {
        const { signature: _old, ...attributes } = letter.attributes;
        const signed = signatures.sign({ ...letter, attributes }, { queue: notices.identity, now: context.now() });
        if (await notices.dead.redrive(letter.letterId, signed)) sent.push(letter);
      }
      return sent;
    },
    async purge(filter, dryRun) {
      const notices = await queue.opened();
      const letters = await find(notices, filter);
      const removed = dryRun ? 0 : await notices.dead.remove(letters.map(({ letterId }) => letterId));
      return { matched: letters.length, removed };
    },
  };
}

/** Throws `not_found`. */
export async function oneLetter(
  letters: NoticeLetters | null,
  { workspace, id }: { readonly workspace: string; readonly id: string },
): Promise<NoticeLetter> {
  const [letter] = (await letters?.list({ workspace, ids: [id], limit: 1 })) ?? [];
  if (letter === undefined) throw new WindlassError("not_found", `there is no dead letter ${id}`);
  return letter;
}

function letterIdOf(id: string): string {
  return id.slice(NOTICE_LETTER.length);
}

/** Of these nobody knows who sent them: to sign them with all the others would be to run whatever somebody puts into the queue. */
const UNVOUCHED: ReadonlySet<NoticeFault> = new Set<NoticeFault>(["signature", "signature_expired", "unknown"]);

/** See T2: who redrives many has not looked at each of them. */
function isMeant({ reason }: NoticeLetter, filter: NoticeLetterFilter): boolean {
  return filter.ids !== undefined || filter.reason !== undefined || !UNVOUCHED.has(reason);
}

/** Whatever lies before them. */
async function named(notices: Notices, ids: readonly string[], filter: NoticeLetterFilter): Promise<readonly NoticeLetter[]> {
  const found: NoticeLetter[] = [];
  for (const id of new Set(ids)) {
    const dead = id.startsWith(NOTICE_LETTER) ? await notices.dead.get(letterIdOf(id)) : null;
    const letter = dead === null ? null : placed(dead, notices.identity);
    if (letter !== null && fits(letter, filter)) found.push(letter);
  }
  return found;
}

/** See T1. */
function placed(letter: DeadNotice, queue: string): NoticeLetter {
  const read = readNotice(letter.body);
  const listId = `${NOTICE_LETTER}${letter.letterId}`;
  if ("fault" in read) return { ...letter, listId, queue, workspace: workspaceIn(letter.body), notice: null, name: "" };
  return { ...letter, listId, queue, notice: read.notice, ...workflowOfNotice(read.notice) };
}

/** Also of one that breaks other rules, so that nobody else is shown what it holds. */
function workspaceIn(body: string): string {
  try {
    const value = JSON.parse(body) as Json;
    const id = isJsonObject(value) ? value["workflow_id"] : undefined;
    return typeof id === "string" ? workflowOfNotice({ workflow_id: id }).workspace : DEFAULT_WORKSPACE;
  } catch {
    return DEFAULT_WORKSPACE;
  }
}

function fits(letter: NoticeLetter, { workspace, reason, name, since, until, ids }: NoticeLetterFilter): boolean {
  return (
    letter.workspace === workspace &&
    (reason === undefined || letter.reason === reason) &&
    (name === undefined || letter.name === name) &&
    (since === undefined || letter.diedAt >= since) &&
    (until === undefined || letter.diedAt < until) &&
    (ids === undefined || ids.includes(letter.listId))
  );
}
