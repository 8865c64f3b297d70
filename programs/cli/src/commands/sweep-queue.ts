/** `windlass queues drain|move|purge|delete`: what is done with all that a queue holds. */
import type { QueueJson, SweptJson } from "@windlass/contract";
import { hasCode, WindlassError } from "@windlass/kernel";
import type { Client } from "@windlass/sdk";
import { connect } from "../connection/connect.ts";
import { INTERRUPTED, interruption } from "../machine/interruption.ts";
import { rest } from "../machine/rest.ts";
import { now } from "../output/api-object.ts";
import { count } from "../output/job-lines.ts";
import { isForPeople, present } from "../output/present.ts";
import { argumentOf, type Call } from "../tree/call.ts";
import { comeBack } from "../tree/typed.ts";

/** How often a drain looks whether anything still runs. */
const LOOK_MS = 500;

interface Narrowed {
  readonly jobName?: string;
  readonly fairnessKey?: string;
}

/** Of a queue that is there: of a name that was mistyped it would be told at once that nothing runs. */
export async function drainQueue(call: Call<{ readonly wait?: boolean; readonly timeout?: number }>): Promise<number | void> {
  const { client } = connect(call);
  const { wait = false, timeout } = call.options;
  if (timeout !== undefined && !wait) throw new WindlassError("usage", "--timeout says how long --wait waits; add --wait");
  const name = argumentOf(call, 0);
  await client.queues.get({ name }).catch((error: unknown) => {
    // Who may not look may pause all the same.
    if (!hasCode(error, "forbidden")) throw error;
  });
  const paused = await client.queues.put({ name, paused: true });
  const queue = wait ? await untilDrained(call, { client, queue: paused, end: now() + (timeout ?? Infinity) }) : paused;
  if (queue === null) {
    call.terminal.err(`\nNo longer waiting; queue ${name} stays paused. Come back with: ${comeBack(call.typed)}\n`);
    return INTERRUPTED;
  }
  await present(call, queue, () =>
    queue.attemptsAlive === 0
      ? `queue ${name} is drained: nothing of it runs, and nothing more is started until \`windlass queues resume ${name}\`\n`
      : `queue ${name} starts nothing more; ${stillRun(queue)}\n`,
  );
}

interface Draining {
  readonly client: Client;
  readonly queue: QueueJson;
  readonly end: number;
}

function stillRun({ attemptsAlive }: QueueJson): string {
  return `${count(attemptsAlive, "attempt")} still ${attemptsAlive === 1 ? "runs" : "run"}`;
}

/** Null when whoever waits has enough. Throws `timed_out`, and `conflict` when somebody lets it go on. */
async function untilDrained(call: Call, { client, queue, end }: Draining): Promise<QueueJson | null> {
  const interrupted = interruption(call);
  const { name } = queue;
  if (queue.attemptsAlive > 0 && isForPeople(call.format))
    call.terminal.err(`Waiting: ${stillRun(queue)} in queue ${name}. Ctrl-C ends the waiting; the queue stays paused.\n`);
  try {
    let last = queue;
    while (last.attemptsAlive > 0 && last.paused) {
      if (now() >= end) throw new WindlassError("timed_out", `${stillRun(last)} in queue ${name}; it stays paused, and what runs may end`);
      await Promise.race([rest(Math.min(LOOK_MS, end - now())), interrupted.asked]);
      if (interrupted.signal.aborted) return null;
      last = await client.queues.get({ name });
    }
    if (!last.paused) throw new WindlassError("conflict", `queue ${name} was resumed meanwhile: it starts jobs again, and is not drained`);
    return last;
  } finally {
    interrupted.takeBack();
  }
}

export async function moveQueue(call: Call<Narrowed & { readonly dryRun?: boolean }>): Promise<void> {
  const { client } = connect(call);
  const [name, to, { dryRun = false }] = [argumentOf(call, 0), argumentOf(call, 1), call.options];
  const swept = await all(!dryRun, (at) => client.queues.move({ name, to, dryRun, ...narrowing(call.options), ...at }));
  await present(call, swept, () =>
    dryRun ? `${counted(swept)} would be moved from ${name} to ${to}\n` : `${swept.done} moved from ${name} to ${to}\n`,
  );
}

export async function purgeQueue(call: Call<Narrowed & { readonly yes?: boolean; readonly remove?: boolean }>): Promise<void> {
  const { client } = connect(call);
  const [name, { yes = false, remove = false }] = [argumentOf(call, 0), call.options];
  const swept = await all(yes, (at) => client.queues.purge({ name, dryRun: !yes, remove, ...narrowing(call.options), ...at }));
  const left = swept.steps === 0 ? "" : `; ${swept.steps} are steps, and are left to their executions`;
  const own = { ...swept, matched: swept.matched - swept.steps };
  await present(call, swept, () =>
    yes
      ? `${swept.done} cancelled${remove ? ", and those that were never started removed" : ""}${left}\n`
      : `${counted(own)} would be cancelled${remove ? ", and removed where never started" : ""}${left}${own.matched === 0 ? "" : ". Add --yes to do it."}\n`,
  );
}

export async function deleteQueue(call: Call): Promise<void> {
  const gone = await connect(call).client.queues.delete({ name: argumentOf(call, 0) });
  await present(call, gone, () => `what was set of queue ${gone.name} is forgotten\n`);
}

/** Batch after batch, each from where the last one ended: whatever stays, as steps do, does not come again. */
async function all(doing: boolean, batch: (at: { readonly cursor?: string }) => Promise<SweptJson>): Promise<SweptJson> {
  let sum = await batch({});
  for (let last = sum; doing && goesOn(last);) {
    last = await batch(last.nextCursor ? { cursor: last.nextCursor } : {});
    sum = { ...last, matched: sum.matched + last.matched, done: sum.done + last.done, steps: sum.steps + last.steps };
  }
  return sum;
}

/** An older server tells no place, and begins anew: a batch in which it did nothing would come again for ever. */
function goesOn({ more, nextCursor, done }: SweptJson): boolean {
  return more && (Boolean(nextCursor) || done > 0);
}

function narrowing({ jobName, fairnessKey }: Narrowed): Narrowed {
  return { ...(jobName === undefined ? {} : { jobName }), ...(fairnessKey === undefined ? {} : { fairnessKey }) };
}

function counted({ matched, more }: SweptJson): string {
  return more ? `${matched} or more jobs` : count(matched, "job");
}
