/** `windlass queues drain|move|purge|delete`: what is done with all that a queue holds. */
import type { SweptJson } from "@windlass/contract";
import { WindlassError } from "@windlass/kernel";
import { connect } from "../connection/connect.ts";
import { rest } from "../machine/rest.ts";
import { now } from "../output/api-object.ts";
import { attemptsText } from "../output/attempts-text.ts";
import { present } from "../output/present.ts";
import { argumentOf, type Call } from "../tree/call.ts";

/** How often a drain looks whether anything still runs. */
const LOOK_MS = 500;

interface Narrowed {
  readonly jobName?: string;
  readonly fairnessKey?: string;
}

export async function drainQueue(call: Call<{ readonly wait?: boolean; readonly timeout?: number }>): Promise<void> {
  const { client } = connect(call);
  const { wait = false, timeout = Infinity } = call.options;
  const name = argumentOf(call, 0);
  let queue = await client.queues.put({ name, paused: true });
  for (const end = now() + timeout; wait && queue.attemptsAlive > 0; queue = await client.queues.get({ name })) {
    if (now() >= end)
      throw new WindlassError(
        "timed_out",
        `${attemptsText(queue.attemptsAlive)} of queue ${name} still run; it stays paused, and they may end`,
      );
    await rest(Math.min(LOOK_MS, end - now()));
  }
  await present(call, queue, () =>
    queue.attemptsAlive === 0
      ? `queue ${name} is drained: nothing of it runs, and nothing more is started until \`windlass queues resume ${name}\`\n`
      : `queue ${name} starts nothing more; ${attemptsText(queue.attemptsAlive)} still run\n`,
  );
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
      : `${counted(own)} would be cancelled${left}${own.matched === 0 ? "" : ". Add --yes to do it."}\n`,
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
  return `${matched}${more ? " or more" : ""} ${matched === 1 ? "job" : "jobs"}`;
}
