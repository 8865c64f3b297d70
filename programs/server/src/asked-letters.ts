/** Of what is asked about dead letters, what is about those of jobs, and what about those of notices. Pure. */
import { NOTICE_LETTER, type NoticeLetterFilter } from "@windlass/engine";
import { isNoticeFault, isReason, queueKeyOf, type NoticeFault, type Reason } from "@windlass/kernel";
import type { DeadLetterFilter } from "@windlass/ports";
import { definedOnly } from "./defined-only.ts";

interface Asked {
  readonly source?: "job" | "notice" | undefined;
  readonly queue?: string | undefined;
  readonly reason?: Reason | NoticeFault | undefined;
  readonly name?: string | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

export const isNotice = (id: string): boolean => id.startsWith(NOTICE_LETTER);

/** Of what is asked, what is about letters of jobs; null: nothing of it. */
export function jobsOf(workspace: string, asked: Asked, cursor = ""): Omit<DeadLetterFilter, "limit"> | null {
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
export function noticesOf(workspace: string, asked: Asked, cursor?: string): Omit<NoticeLetterFilter, "limit"> | null {
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
