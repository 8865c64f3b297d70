/**
 * Concurrent commits of one process in as few transactions as possible: while one is under way, those that come wait and
 * share the next, as do claims of what they submit (shared-claims.ts). A shared transaction that fails is run again one commit at a time,
 * so that none fails by another's fault; but not when it may have been stored (unheard.ts, U3).
 */
import { noTally, type Change } from "@windlass/kernel";
import type { Claimed, ClaimRequest, Clock, Committed } from "@windlass/ports";
import { AskedClaim, isFor } from "./shared-claims.ts";
import { unheardOf } from "./unheard.ts";

/** What shares a transaction. */
export interface Group {
  readonly changes: readonly Change[];
  readonly now: number;
  readonly claims: readonly AskedClaim[];
}

/** `take` says what it is to commit, and takes all that have come until it is called. */
export type CommitTogether = (take: () => Group) => Promise<Committed>;

export interface GroupCommits {
  readonly commit: (changes: readonly Change[], now: number) => Promise<Committed>;
  /**
   * Shares the transaction of a commit that is not under way yet and makes more jobs for this claim than others that share it may take;
   * null: there is none. It resolves to null
   * when the claim is to go its own way.
   */
  readonly share: (request: ClaimRequest) => Promise<Claimed | null> | null;
}

interface Waiting {
  readonly changes: readonly Change[];
  readonly now: number;
  readonly claims: AskedClaim[];
  readonly resolve: (committed: Committed) => void;
  readonly reject: (error: unknown) => void;
}

/** So that a transaction, and the locks that it holds, stay a matter of milliseconds. */
const CHANGES_MAX = 500;

/** Commits that share a transaction share the latest of their times and their signals. */
export function groupCommits(commit: CommitTogether, after: Clock["after"]): GroupCommits {
  const waiting: Waiting[] = [];
  let busy = false;
  const flush = async (): Promise<void> => {
    busy = true;
    while (waiting.length > 0) await runNext(commit, waiting);
    busy = false;
  };
  return {
    commit: (changes, now) =>
      new Promise((resolve, reject) => {
        waiting.push({ changes, now, claims: [], resolve, reject });
        if (!busy) void flush();
      }),
    share(request) {
      const submit = waiting.find(({ changes, claims }) => {
        const makes = changes.filter((change) => isFor(request, change)).length;
        return makes > claims.reduce((sum, asked) => sum + asked.request.limit + (asked.request.ahead ?? 0), 0);
      });
      if (submit === undefined) return null;
      const asked = new AskedClaim(request, after);
      submit.claims.push(asked);
      return asked.answered;
    },
  };
}

async function runNext(commit: CommitTogether, waiting: Waiting[]): Promise<void> {
  let group: readonly Waiting[] | null = null;
  await run(commit, () => (group ??= takeGroup(waiting)));
}

function takeGroup(waiting: Waiting[]): Waiting[] {
  let size = 0;
  const end = waiting.findIndex((one, index) => (size += one.changes.length) > CHANGES_MAX && index > 0);
  const group = waiting.splice(0, end === -1 ? waiting.length : end);
  for (const { claims } of group) for (const asked of claims) asked.begun();
  return group;
}

async function run(commit: CommitTogether, take: () => readonly Waiting[]): Promise<void> {
  try {
    const { results, signals, tally } = await commit(() => together(take()));
    let from = 0;
    // Counted once: the first one has the numbers of all.
    take().forEach((one, i) =>
      one.resolve({ results: results.slice(from, (from += one.changes.length)), signals, tally: i === 0 ? tally : noTally }),
    );
  } catch (error) {
    const group = take();
    for (const { claims } of group) for (const asked of claims.splice(0)) asked.refuse(error);
    if (group.length === 1 || unheardOf(error) !== null) for (const one of group) one.reject(error);
    else for (const one of group) await run(commit, () => [one]);
  }
}

function together(group: readonly Waiting[]): Group {
  return {
    changes: group.flatMap(({ changes }) => changes),
    now: Math.max(...group.map(({ now }) => now)),
    claims: group.flatMap(({ claims }) => claims).filter(({ isOpen }) => isOpen),
  };
}
