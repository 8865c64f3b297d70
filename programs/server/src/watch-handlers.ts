/**
 * Watching jobs: one with all below it until it has ended, or all jobs.
 *
 * W1. The events begin at a place that was read before the job was, so nothing falls between the picture and the events.
 *     A position that is not from this feed is answered with `reset` (feed-start.ts, P1).
 * W2. A tree grows by events: a job whose `job.submitted` names a parent of the tree belongs to it.
 * W3. A stream tells where it begins before anything happens: whose connection breaks by then comes back to that place, and
 *     misses nothing of the time between.
 */
import type { WatchItemJson } from "@windlass/contract";
import type { Engine, FeedItem, Matches, Subscription } from "@windlass/engine";
import { isTerminal, liveStates, type JobEvent, type JobView } from "@windlass/kernel";
import { definedOnly } from "./defined-only.ts";
import { feedStart, type FeedStart } from "./feed-start.ts";
import { presentEvent, presentJob } from "./present-job.ts";
import type { Asking, Handlers, ServerContext, StreamItem } from "./server-context.ts";

const PAGE = 500;
/** The position before the first event. */
const BEGINNING = "0";

export function watchHandlers({ engine }: ServerContext): {
  readonly jobs: Pick<Handlers<"jobs">, "watch">;
  readonly events: Pick<Handlers<"events">, "watch">;
} {
  return {
    jobs: {
      async watch({ params, query }, { jobs, signal }) {
        const view = await jobs.get(params.id);
        return watchJob(engine, { view, scope: query.scope, after: query.after, signal });
      },
    },
    events: {
      async watch({ query }, asking) {
        const types = query.type === undefined ? null : new Set<string>(query.type);
        return watchAll(engine, { after: query.after, matches: (event) => types === null || types.has(event.type) }, asking);
      },
    },
  };
}

async function* watchAll(
  engine: Engine,
  { after, matches }: { readonly after: string | undefined; readonly matches: (event: JobEvent) => boolean },
  { workspace, signal }: Pick<Asking, "workspace" | "signal">,
): AsyncGenerator<StreamItem<Extract<WatchItemJson, { type: "event" | "reset" }>>> {
  const start = feedStart(after, await engine.context.store.reads.feedEnd());
  const subscription = await eventsBehind(engine, { matches: (event, of) => of === workspace && matches(event), after, start });
  signal.addEventListener("abort", () => subscription.end(), { once: true });
  if (signal.aborted) subscription.end();
  try {
    // W3
    yield start.reset ? resetAt(start.from) : { id: idOf(start.from) };
    for await (const item of subscription) yield itemOf(item);
  } finally {
    subscription.end();
  }
}

interface Watching {
  readonly view: JobView;
  readonly scope: "job" | "tree";
  readonly after: string | undefined;
  readonly signal: AbortSignal;
}

async function* watchJob(engine: Engine, { view: { record }, scope, after, signal }: Watching): AsyncGenerator<StreamItem<WatchItemJson>> {
  const { reads } = engine.context.store;
  const tree = treeOf(record.id, scope);
  const start = feedStart(after, await reads.feedEnd());
  const { from, reset } = start;
  const subscription = await eventsBehind(engine, { matches: tree.mayHave, after, start });
  signal.addEventListener("abort", () => subscription.end(), { once: true });
  if (signal.aborted) subscription.end();
  try {
    if (scope === "tree") await addDescendants(engine, { record, tree, endedToo: after !== undefined });
    tree.complete();
    if (reset) yield resetAt(from);
    const now = await engine.jobs.get(record.id);
    yield { id: idOf(from), item: { type: "job", job: presentJob(now) } };
    if (isTerminal(now.state)) {
      if (after !== undefined) yield* missed(engine, { after: from, tree });
      yield { item: { type: "end", job: presentJob(now) } };
      return;
    }
    for await (const item of subscription) {
      if (item.type === "event" && !tree.has(item.event)) continue;
      yield itemOf(item);
      const ended = item.type === "reset" || (item.event.jobId === record.id && item.event.type === "job.finished");
      const last = ended ? await engine.jobs.get(record.id) : null;
      if (last !== null && isTerminal(last.state)) return yield { item: { type: "end", job: presentJob(last) } };
    }
  } finally {
    subscription.end();
  }
}

/** Who continues may be far behind; all others begin at the end of the feed. */
async function eventsBehind(
  { feed }: Engine,
  { matches, after, start }: { readonly matches: Matches; readonly after: string | undefined; readonly start: FeedStart },
): Promise<Subscription> {
  return after === undefined || start.reset ? feed.subscribe(matches, start.from) : feed.resume(matches, start.from);
}

function itemOf(item: FeedItem): StreamItem<Extract<WatchItemJson, { type: "event" | "reset" }>> {
  if (item.type === "reset") return { item };
  return { id: item.position, item: { type: "event", event: presentEvent(item.event, item.position) } };
}

/** With the position from which it goes on, so that whoever connects again is not told once more. */
function resetAt(from: string): StreamItem<{ readonly type: "reset" }> {
  return { id: idOf(from), item: { type: "reset" } };
}

/** An empty id would say that there is none to come back to. */
function idOf(from: string): string {
  return from === "" ? BEGINNING : from;
}

interface Tree {
  readonly add: (id: string) => void;
  /** All that were there at the beginning have been added. */
  readonly complete: () => void;
  readonly has: (event: JobEvent) => boolean;
  /** The same, but true of everything until the tree is complete. */
  readonly mayHave: (event: JobEvent) => boolean;
}

function treeOf(id: string, scope: "job" | "tree"): Tree {
  const ids = new Set([id]);
  let isComplete = false;
  const has = (event: JobEvent): boolean => {
    if (scope === "tree" && event.type === "job.submitted" && ids.has(parentOf(event) ?? "")) ids.add(event.jobId);
    return ids.has(event.jobId);
  };
  return {
    add: (other) => ids.add(other),
    complete: () => {
      isComplete = true;
    },
    has,
    mayHave: (event) => has(event) || (scope === "tree" && !isComplete),
  };
}

/** `job.submitted` tells the cause of the job. */
function parentOf({ data }: JobEvent): string | undefined {
  const cause = data as { readonly type?: string; readonly id?: string };
  return cause.type === "parent" ? cause.id : undefined;
}

/** What has ended says nothing any more, unless the caller asks for what was said since it left. */
async function addDescendants(
  engine: Engine,
  { record, tree, endedToo }: { readonly record: JobView["record"]; readonly tree: Tree; readonly endedToo: boolean },
): Promise<void> {
  let after: string | undefined;
  for (;;) {
    const filter = {
      workspace: record.workspace,
      rootId: record.rootId,
      order: "oldest",
      limit: PAGE,
      states: endedToo ? undefined : liveStates,
      after,
    } as const;
    const page = await engine.context.store.reads.list(definedOnly(filter));
    for (const { record: one } of page) if (one.path.split("/").includes(record.id)) tree.add(one.id);
    after = page.at(-1)?.record.id;
    if (page.length < PAGE) return;
  }
}

/** The events of a tree that has ended since `after`. */
async function* missed(
  engine: Engine,
  { after, tree }: { readonly after: string; readonly tree: Tree },
): AsyncGenerator<StreamItem<WatchItemJson>> {
  const { reads } = engine.context.store;
  const end = await reads.feedEnd();
  let from = after;
  while (from < end) {
    const page = await reads.feed(from, PAGE);
    for (const { position, event } of page) if (tree.has(event)) yield itemOf({ type: "event", position, event });
    const last = page.at(-1);
    if (last === undefined) return;
    from = last.position;
  }
}
