/** The operations on dead letters: those of jobs, which are in the store, and those of the queue for notices, at its broker. */
import type { DeadLetterJson } from "@windlass/contract";
import {
  NOTICE_LETTER,
  oneLetter,
  type NoticeLetter,
  type NoticeLetterFilter,
  type NoticeLetterPage,
  type NoticeLetters,
} from "@windlass/engine";
import { hasCode, messageOf, queueOfKey, type DeadLetter } from "@windlass/kernel";
import { isNotice, jobsOf, noticesOf } from "./asked-letters.ts";
import { letterChanges } from "./dead-letter-changes.ts";
import { definedOnly } from "./defined-only.ts";
import { isoTime, maybeTime, presentDetail } from "./present-job.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

export function deadLetterHandlers(context: ServerContext): Handlers<"deadLetters"> {
  const { deadLetters, deadNotices } = context.engine;
  return {
    ...letterChanges(context),
    async list({ query: { cursor, limit, redriven, ...rest } }, { workspace }) {
      const jobs = jobsOf(workspace, rest, cursor);
      const found = jobs === null ? [] : await deadLetters.list({ ...jobs, ...definedOnly({ redriven, after: cursor }), limit: limit + 1 });
      const items = found.slice(0, limit).map(presentLetter);
      if (found.length > limit) return { items, nextCursor: items.at(-1)?.id ?? null, away: null, unseen: null };
      const notices = deadNotices === null || redriven === true ? null : noticesOf(workspace, rest, cursor);
      if (deadNotices === null || notices === null) return { items, nextCursor: null, away: null, unseen: null };
      if (items.length === limit) return { items, nextCursor: NOTICE_LETTER, away: null, unseen: null };
      const page = await lookedAt(deadNotices, { ...notices, limit: limit - items.length }, rest.source === "notice");
      return { items: [...items, ...page.letters.map(presentNotice)], nextCursor: page.next, away: page.away, unseen: page.unseen };
    },
    async get({ params: { id } }, { workspace, jobs }) {
      if (isNotice(id)) return { ...presentNotice(await oneLetter(deadNotices, { workspace, id })), job: null };
      const letter = presentLetter(await deadLetters.get(workspace, id));
      return { ...letter, job: presentDetail(await jobs.get(id), { views: [], cut: false, position: null }) };
    },
  };
}

/** A broker that is away hides no letters of jobs; who asks for its own is told. */
async function lookedAt(
  all: NoticeLetters,
  filter: NoticeLetterFilter,
  isDemanded: boolean,
): Promise<NoticeLetterPage & { readonly away: string | null }> {
  try {
    return { ...(await all.page(filter)), away: null };
  } catch (error) {
    if (isDemanded || !hasCode(error, "unavailable")) throw error;
    return { letters: [], next: null, unseen: null, away: messageOf(error) };
  }
}

function presentLetter({ jobId, workspace: _workspace, queue, diedAt, redrivenAt, ...rest }: DeadLetter): DeadLetterJson {
  const dates = { diedAt: isoTime(diedAt), redrivenAt: maybeTime(redrivenAt) };
  return { ...rest, ...dates, id: jobId, source: "job", queue: queueOfKey(queue).name, execution: jobId, firstAt: null, body: null };
}

function presentNotice(letter: NoticeLetter): DeadLetterJson {
  const { listId, queue, name, notice, reason, message, attempts, firstAt, diedAt, body, redrives } = letter;
  const unhandled = { redrives, redrivenAt: null, redrivenBy: null, redrivenAs: null };
  const told = { queue, name, outcome: null, reason, message: message === "" ? null : message, attempts, body };
  const dates = { firstAt: isoTime(firstAt), diedAt: isoTime(diedAt) };
  return { id: listId, source: "notice", execution: notice?.execution_id ?? null, ...told, ...dates, ...unhandled };
}
