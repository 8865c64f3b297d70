/**
 * A dead letter of the queue for notices as it is shown beside those of jobs, and how letters are looked for at the broker.
 *
 * T1. A letter belongs to the workspace that its notice names. One in which none can be read belongs to `default`, as a notice that
 *     names none does.
 */
import { DEFAULT_WORKSPACE, isJsonObject, readNotice, workflowOfNotice, type Json, type Notice, type NoticeFault } from "@windlass/kernel";
import type { DeadNotice, Notices } from "@windlass/ports";

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
  /** The list goes on behind it; null: it does not. */
  readonly next: string | null;
  /** Why some could not be looked at, and how many (`LookedAt`); null: all were. */
  readonly unseen: string | null;
}

/** Letters that are chosen, and with which nothing was done yet. */
export interface Chosen {
  /** Their `listId`s. */
  readonly ids: readonly string[];
  /** Of those that were named, the ones that are there and fit, also where they are not chosen. */
  readonly foundIds: ReadonlySet<string>;
  /** More fit than the limit lets through. */
  readonly more: boolean;
  readonly unseen: string | null;
}

export const NOTICE_LETTER = "notice_";

/** One look at the broker. */
export async function look(
  notices: Notices,
  filter: NoticeLetterFilter,
  isWanted: (letter: NoticeLetter) => boolean = () => true,
): Promise<NoticeLetterPage> {
  const { after = NOTICE_LETTER, limit, ids } = filter;
  const letterIds = ids === undefined ? {} : { letterIds: new Set(ids.filter((id) => id.startsWith(NOTICE_LETTER)).map(letterIdOf)) };
  const { letters, next, unseen } = await notices.dead.look({
    limit,
    ...letterIds,
    ...(after === NOTICE_LETTER ? {} : { after: letterIdOf(after) }),
    fits(dead) {
      const letter = placed(dead, notices.identity);
      return fits(letter, filter) && isWanted(letter);
    },
  });
  const listed = letters.map((letter) => placed(letter, notices.identity));
  return { letters: listed, next: next === null ? null : `${NOTICE_LETTER}${next}`, unseen };
}

interface Through {
  readonly room: () => number;
  /** Asked of what fits, in any order, and of the same letter perhaps again; all when left out. */
  readonly isWanted?: (letter: NoticeLetter) => boolean;
  readonly visit: (letter: NoticeLetter) => Promise<void> | void;
}

/** Page by page, to the end or as long as there is room. */
export async function through(
  notices: Notices,
  filter: NoticeLetterFilter,
  { room, isWanted, visit }: Through,
): Promise<Pick<Chosen, "more" | "unseen">> {
  let after: string | null = filter.after ?? NOTICE_LETTER;
  let unseen: string | null = null;
  while (after !== null) {
    // One more tells whether there are more.
    const page: NoticeLetterPage = await look(notices, { ...filter, after, limit: room() + 1 }, isWanted);
    unseen ??= page.unseen;
    for (const letter of page.letters) {
      if (room() === 0) return { more: true, unseen };
      await visit(letter);
    }
    after = page.next;
  }
  return { more: false, unseen };
}

export function letterIdOf(id: string): string {
  return id.slice(NOTICE_LETTER.length);
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
