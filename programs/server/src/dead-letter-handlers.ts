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
import {
  hasCode,
  isNoticeFault,
  isReason,
  messageOf,
  queueKeyOf,
  queueOfKey,
  type DeadLetter,
  type NoticeFault,
  type Reason,
} from "@windlass/kernel";
import type { DeadLetterFilter } from "@windlass/ports";
import { definedOnly } from "./defined-only.ts";
import { isoTime, maybeTime, presentDetail } from "./present-job.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

export function deadLetterHandlers({ engine: { deadLetters, deadNotices } }: ServerContext): Handlers<"deadLetters"> {
  return {
    async list({ query: { cursor, limit, redriven, ...rest } }, { workspace }) {
      const jobs = jobsOf(workspace, rest, cursor);
      const found = jobs === null ? [] : await deadLetters.list({ ...jobs, ...definedOnly({ redriven, after: cursor }), limit: limit + 1 });
      const items = found.slice(0, limit).map(presentLetter);
      if (found.length > limit) return { items, nextCursor: items.at(-1)?.id ?? null, away: null };
      const notices = deadNotices === null || redriven === true ? null : noticesOf(workspace, rest, cursor);
      if (deadNotices === null || notices === null) return { items, nextCursor: null, away: null };
      if (items.length === limit) return { items, nextCursor: NOTICE_LETTER, away: null };
      const { letters, cutAt, away } = await lookedAt(
        deadNotices,
        { ...notices, limit: limit - items.length + 1 },
        rest.source === "notice",
      );
      const more = letters.slice(0, limit - items.length).map(presentNotice);
      return { items: [...items, ...more], nextCursor: letters.length > more.length ? (more.at(-1)?.id ?? null) : cutAt, away };
    },
    async get({ params: { id } }, { workspace, jobs }) {
      if (isNotice(id)) return { ...presentNotice(await oneLetter(deadNotices, { workspace, id })), job: null };
      const letter = presentLetter(await deadLetters.get(workspace, id));
      return { ...letter, job: presentDetail(await jobs.get(id), { views: [], cut: false, position: null }) };
    },
    async redrive({ body: { again, perSecond = null, limit, ...rest } }, { workspace, principal, gate }) {
      if (rest.ids !== undefined) await allThere(workspace, rest.ids);
      const jobs = jobsOf(workspace, rest);
      const notices = noticesOf(workspace, rest);
      // These first: where their broker is away, or one of them is refused, nothing was done yet.
      const sent = notices === null || deadNotices === null ? [] : await deadNotices.redrive({ ...notices, limit }, gate);
      const left = limit - sent.length;
      const redriven =
        jobs === null || left === 0
          ? []
          : await deadLetters.redrive({ ...jobs, limit: left }, { by: principal.name, again, perSecond, gate });
      const items = redriven.map(({ letter, job, created }) => ({ id: letter.jobId, job: job as string | null, created }));
      items.push(...sent.map(({ listId, notice }) => ({ id: listId, job: notice?.execution_id ?? null, created: true })));
      return { items, more: rest.ids === undefined && !again && items.length === limit };
    },
    async purge({ body: { dryRun, limit, redriven, ...rest } }, { workspace }) {
      if (rest.ids !== undefined) await allThere(workspace, rest.ids);
      const jobs = jobsOf(workspace, rest);
      const notices = redriven === true ? null : noticesOf(workspace, rest);
      // As above.
      const struck = notices === null || deadNotices === null ? NONE : await deadNotices.purge({ ...notices, limit }, dryRun);
      const left = limit - struck.matched;
      const purged =
        jobs === null || left === 0 ? NONE : await deadLetters.purge({ ...jobs, ...definedOnly({ redriven }), limit: left }, dryRun);
      const matched = purged.matched + struck.matched;
      return { matched, removed: purged.removed + struck.removed, more: matched === limit };
    },
  };

  /** Throws `not_found` for the first that is no letter of this workspace. */
  async function allThere(workspace: string, ids: readonly string[]): Promise<void> {
    const [ofNotices, ofJobs] = [ids.filter(isNotice), ids.filter((id) => !isNotice(id))];
    const jobs = ofJobs.length === 0 ? [] : await deadLetters.list({ workspace, ids: ofJobs, limit: ofJobs.length });
    const letters = ofNotices.length === 0 ? [] : ((await deadNotices?.list({ workspace, ids: ofNotices, limit: ofNotices.length })) ?? []);
    const found = new Set([...jobs.map(({ jobId }) => jobId), ...letters.map(({ listId }) => listId)]);
    const missing = ids.find((id) => !found.has(id));
    if (missing === undefined) return;
    if (isNotice(missing)) await oneLetter(deadNotices, { workspace, id: missing });
    else await deadLetters.get(workspace, missing);
  }
}

const NONE = { matched: 0, removed: 0 };

interface Asked {
  readonly source?: "job" | "notice" | undefined;
  readonly queue?: string | undefined;
  readonly reason?: Reason | NoticeFault | undefined;
  readonly name?: string | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

const isNotice = (id: string): boolean => id.startsWith(NOTICE_LETTER);

/** Of what is asked, what is about letters of jobs; null: nothing of it. */
function jobsOf(workspace: string, asked: Asked, cursor = ""): Omit<DeadLetterFilter, "limit"> | null {
  const { source, queue, reason, name, ids } = asked;
  const own = ids?.filter((id) => !isNotice(id));
  if (source === "notice" || isNotice(cursor) || own?.length === 0) return null;
  if (reason !== undefined && !isReason(reason)) return null;
  return {
    workspace,
    ...definedOnly({ queue: queue === undefined ? undefined : queueKeyOf(workspace, queue), reason, name, ids: own, ...timesOf(asked) }),
  };
}

/** The same of letters of notices: they are in no queue of this store. */
function noticesOf(workspace: string, asked: Asked, cursor?: string): Omit<NoticeLetterFilter, "limit"> | null {
  const { source, queue, reason, name, ids } = asked;
  const own = ids?.filter(isNotice);
  if (source === "job" || queue !== undefined || own?.length === 0) return null;
  if (reason !== undefined && !isNoticeFault(reason)) return null;
  const after = cursor !== undefined && isNotice(cursor) ? cursor : undefined;
  return { workspace, ...definedOnly({ reason, name, ids: own, after, ...timesOf(asked) }) };
}

function timesOf({ since, until }: Asked): { readonly since: number | undefined; readonly until: number | undefined } {
  return { since: since === undefined ? undefined : Date.parse(since), until: until === undefined ? undefined : Date.parse(until) };
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
    return { letters: [], cutAt: null, away: messageOf(error) };
  }
}

function presentLetter({ jobId, workspace: _workspace, queue, diedAt, redrivenAt, ...rest }: DeadLetter): DeadLetterJson {
  const dates = { diedAt: isoTime(diedAt), redrivenAt: maybeTime(redrivenAt) };
  return { ...rest, ...dates, id: jobId, source: "job", queue: queueOfKey(queue).name, execution: jobId, firstAt: null, body: null };
}

function presentNotice({ listId, queue, name, notice, reason, message, attempts, firstAt, diedAt, body }: NoticeLetter): DeadLetterJson {
  const unhandled = { redrives: 0, redrivenAt: null, redrivenBy: null, redrivenAs: null };
  const told = { queue, name, outcome: null, reason, message: message === "" ? null : message, attempts, body };
  const dates = { firstAt: isoTime(firstAt), diedAt: isoTime(diedAt) };
  return { id: listId, source: "notice", execution: notice?.execution_id ?? null, ...told, ...dates, ...unhandled };
}
