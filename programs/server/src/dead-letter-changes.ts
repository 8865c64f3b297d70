/**
 * Dead letters of jobs and of notices that are redriven or struck off in one call.
 *
 * C1. All are looked at, and whoever may refuse is asked, before anything is done with the first.
 * C2. The broker is asked where its letters are wanted, and by nobody else. Where it is away then, nothing is done.
 * C3. What is left is told: that there are more, what was not done and why, and what could not be looked at.
 */
import { noSuchLetter, type Chosen, type NoticeLetterFilter, type NoticeLetters } from "@windlass/engine";
import { wholeSeconds, WindlassError } from "@windlass/kernel";
import { isNotice, jobsOf, noticesOf } from "./asked-letters.ts";
import { definedOnly } from "./defined-only.ts";
import { isoTime } from "./present-job.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

type Letters = Pick<ServerContext["engine"], "deadLetters" | "deadNotices">;

export function letterChanges({ engine }: ServerContext): Pick<Handlers<"deadLetters">, "redrive" | "purge"> {
  const { deadLetters, deadNotices } = engine;
  return {
    async redrive({ body: { again, perSecond = null, delaySeconds, limit, ...rest } }, { workspace, principal, gate }) {
      if (again && rest.ids === undefined) throw againNeedsIds();
      const at = isoTime(engine.context.now());
      await demandJobs(engine, workspace, rest.ids);
      const [jobs, notices] = [jobsOf(workspace, rest), noticesOf(workspace, rest)];
      const pace = { gate, perSecond, delayMs: wholeSeconds(delaySeconds) };
      // All is looked at, and whoever may refuse is asked, before anything is done with the first.
      const ofJobs = jobs === null ? null : await deadLetters.chooseRedrive({ ...jobs, limit }, { by: principal.name, again, ...pace });
      const before = ofJobs?.count ?? 0;
      const delayMs = pace.delayMs + (perSecond === null ? 0 : Math.floor((before * 1_000) / perSecond));
      const ofNotices = await within(engine, { filter: notices, room: limit - before, ids: rest.ids }, (all, filter) =>
        all.chooseRedrive(filter, { ...pace, delayMs }),
      );
      // The store first: it throws, and then nothing was done. What the broker does not take is told.
      const run = await ofJobs?.run();
      const sent = await ofNotices.chosen?.send();
      const items = (run?.items ?? []).map(({ letter, job, created }) => ({ id: letter.jobId, job: job as string | null, created }));
      items.push(...(sent?.items ?? []).map(({ listId, execution }) => ({ id: listId, job: execution, created: true })));
      const fault = sent?.fault ?? ofNotices.chosen?.tooLate ?? null;
      return {
        items,
        more: ofJobs?.more === true || ofNotices.more || fault !== null,
        left: [...(run?.left ?? []), ...(ofNotices.chosen?.left ?? []), ...(sent?.refused ?? [])].map(({ ids, ...one }) => ({
          ...one,
          ids: [...ids],
        })),
        fault,
        unseen: ofNotices.chosen?.unseen ?? null,
        at,
      };
    },
    async purge({ body: { dryRun, limit, redriven, ...rest } }, { workspace }) {
      const at = isoTime(engine.context.now());
      await demandJobs(engine, workspace, rest.ids);
      const jobs = jobsOf(workspace, rest);
      const notices = redriven === true ? null : noticesOf(workspace, rest);
      // These first: where their broker is away nothing was done.
      const { chosen, more } = await within(engine, { filter: notices, room: limit, ids: rest.ids }, (all, filter) => all.choose(filter));
      const ids = chosen?.ids ?? [];
      const struck = dryRun || ids.length === 0 || deadNotices === null ? { removed: 0, fault: null } : await deadNotices.remove(ids);
      const room = limit - ids.length;
      const unknown = { matched: 0, removed: 0, more: true };
      const purged =
        jobs === null
          ? NONE
          : room === 0
            ? unknown
            : await deadLetters.purge({ ...jobs, ...definedOnly({ redriven }), limit: room }, dryRun);
      return {
        matched: purged.matched + ids.length,
        removed: purged.removed + struck.removed,
        more: purged.more || more || struck.fault !== null,
        fault: struck.fault,
        unseen: chosen?.unseen ?? null,
        at,
      };
    },
  };
}

/** Throws `not_found` for the first job that is no letter of this workspace. */
async function demandJobs({ deadLetters }: Letters, workspace: string, ids: readonly string[] = []): Promise<void> {
  const named = ids.filter((id) => !isNotice(id));
  const letters = named.length === 0 ? [] : await deadLetters.list({ workspace, ids: named, limit: named.length });
  const found = new Set(letters.map(({ jobId }) => jobId));
  const missing = named.find((id) => !found.has(id));
  if (missing !== undefined) await deadLetters.get(workspace, missing);
}

/**
 * What is chosen of the letters of notices, where they are wanted: nobody else asks their broker. Throws `unavailable` where it is
 * away, also where there is no room for them this time: the next call must not find that half is done.
 */
async function within<One extends Chosen>(
  { deadNotices }: Letters,
  { filter, room, ids = [] }: Within,
  choose: (all: NoticeLetters, filter: NoticeLetterFilter) => Promise<One>,
): Promise<{ readonly chosen: One | null; readonly more: boolean }> {
  const [named] = ids.filter(isNotice);
  if (deadNotices === null && named !== undefined) throw noSuchLetter(named, null);
  if (deadNotices === null || filter === null) return { chosen: null, more: false };
  if (room === 0) {
    await deadNotices.reach();
    return { chosen: null, more: true };
  }
  const chosen = await choose(deadNotices, { ...filter, limit: room });
  const missing = chosen.more ? undefined : ids.find((id) => isNotice(id) && !chosen.foundIds.has(id));
  if (missing === undefined) return { chosen, more: chosen.more };
  const { reason, name, since, until } = filter;
  const isNarrowed = [reason, name, since, until].some((one) => one !== undefined);
  throw noSuchLetter(missing, chosen.unseen, isNarrowed ? " that fits what else was asked for" : "");
}

interface Within {
  /** Null: they are not asked for. */
  readonly filter: Omit<NoticeLetterFilter, "limit"> | null;
  readonly room: number;
  readonly ids: readonly string[] | undefined;
}

const NONE = { matched: 0, removed: 0, more: false };

function againNeedsIds(): WindlassError {
  const message = "letters that were redriven before are named by their ids: a filter would find them again and again";
  return new WindlassError("invalid", message, { faults: [{ path: "again", message }] });
}
