/** The operations on dead letters. */
import type { DeadLetterJson } from "@windlass/contract";
import { queueKeyOf, queueOfKey, type DeadLetter } from "@windlass/kernel";
import type { DeadLetterFilter } from "@windlass/ports";
import { definedOnly } from "./defined-only.ts";
import { isoTime, maybeTime, presentDetail } from "./present-job.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

export function deadLetterHandlers({ engine: { deadLetters } }: ServerContext): Handlers<"deadLetters"> {
  return {
    async list({ query: { cursor, limit, redriven, ...rest } }, { workspace }) {
      const wanted = { ...filterOf(workspace, rest), ...definedOnly({ redriven, after: cursor }) };
      const found = await deadLetters.list({ ...wanted, limit: limit + 1 });
      const items = found.slice(0, limit).map(presentLetter);
      return { items, nextCursor: found.length > limit ? (items.at(-1)?.id ?? null) : null };
    },
    async get({ params }, { workspace, jobs }) {
      const letter = presentLetter(await deadLetters.get(workspace, params.id));
      return { ...letter, job: presentDetail(await jobs.get(params.id), { views: [], cut: false, position: null }) };
    },
    async redrive({ body: { again, perSecond = null, limit, ...rest } }, { workspace, principal, gate }) {
      if (rest.ids !== undefined) await allThere(workspace, rest.ids);
      const redriven = await deadLetters.redrive({ ...filterOf(workspace, rest), limit }, { by: principal.name, again, perSecond, gate });
      const items = redriven.map(({ letter, job, created }) => ({ id: letter.jobId, job, created }));
      return { items, more: rest.ids === undefined && !again && redriven.length === limit };
    },
    async purge({ body: { dryRun, limit, redriven, ...rest } }, { workspace }) {
      if (rest.ids !== undefined) await allThere(workspace, rest.ids);
      const purged = await deadLetters.purge({ ...filterOf(workspace, rest), ...definedOnly({ redriven }), limit }, dryRun);
      return { ...purged, more: purged.matched === limit };
    },
  };

  /** Throws `not_found` for the first that is no letter of this workspace. */
  async function allThere(workspace: string, ids: readonly string[]): Promise<void> {
    const found = new Set((await deadLetters.list({ workspace, ids, limit: ids.length })).map(({ jobId }) => jobId));
    const missing = ids.find((id) => !found.has(id));
    if (missing !== undefined) await deadLetters.get(workspace, missing);
  }
}

interface Asked extends Partial<Pick<DeadLetterFilter, "queue" | "reason" | "name" | "ids">> {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

type Undefinable<T> = { readonly [K in keyof T]: T[K] | undefined };

function filterOf(workspace: string, { queue, since, until, ...rest }: Undefinable<Asked>): Omit<DeadLetterFilter, "limit"> {
  return {
    workspace,
    ...definedOnly({
      ...rest,
      queue: queue === undefined ? undefined : queueKeyOf(workspace, queue),
      since: since === undefined ? undefined : Date.parse(since),
      until: until === undefined ? undefined : Date.parse(until),
    }),
  };
}

function presentLetter({ jobId, workspace: _workspace, queue, diedAt, redrivenAt, ...rest }: DeadLetter): DeadLetterJson {
  return { ...rest, id: jobId, queue: queueOfKey(queue).name, diedAt: isoTime(diedAt), redrivenAt: maybeTime(redrivenAt) };
}
