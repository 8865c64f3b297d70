/** `windlass dead-letters …` */
import type { DeadLetterJson } from "@windlass/contract";
import { reasons, WindlassError, type RateLimit, type Reason } from "@windlass/kernel";
import type { Client } from "@windlass/sdk";
import { connect } from "../connection/connect.ts";
import { findLetter } from "../connection/find-job.ts";
import { fields, now, presentTable } from "../output/api-object.ts";
import { agoOf } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import type { Column } from "../output/table.ts";
import { argumentOf, type Call } from "../tree/call.ts";
import { demandKnown } from "../tree/known-word.ts";

const WHICH = "Give ids, or --queue, --reason, --name, --since or --until, or --all for every dead letter of the workspace";

const REASONS_TOLD = "the column REASON of `windlass dead-letters list` has those that occurred, docs/reference/reasons.md has all";

interface Choice {
  readonly queue?: string;
  /** Checked before anything is asked. */
  readonly reason?: Reason;
  readonly name?: string;
  readonly since?: string;
  readonly until?: string;
}

interface ListOptions extends Choice {
  readonly redriven?: boolean;
  readonly open?: boolean;
  readonly limit?: number;
  readonly cursor?: string;
}

export async function listDeadLetters(call: Call<ListOptions>): Promise<void> {
  const { redriven, open, limit, cursor } = call.options;
  if (redriven === true && open === true) throw new WindlassError("usage", "--redriven and --open exclude each other");
  const answer = await connect(call).client.deadLetters.list({
    ...choiceOf(call.options),
    ...(redriven === true ? { redriven: true } : open === true ? { redriven: false } : {}),
    ...(limit === undefined ? {} : { limit }),
    ...(cursor === undefined ? {} : { cursor }),
  });
  await presentTable(call, answer, { columns: columns(now()), rows: answer.items, none: "No dead letters." });
  if (answer.nextCursor !== null && call.format === "table") call.terminal.err(`There are more: add --cursor ${answer.nextCursor}.\n`);
}

export async function getDeadLetter(call: Call): Promise<void> {
  const { client } = connect(call);
  const letter = await client.deadLetters.get({ id: await findLetter(client, argumentOf(call, 0)) });
  await present(call, letter, () =>
    fields(call, [
      ["job", letter.id],
      ["name", letter.name],
      ["queue", letter.queue],
      ["died", `${letter.diedAt} (${agoOf(letter.diedAt, now())})`],
      ["reason", letter.reason],
      ["message", letter.message ?? ""],
      ["attempts", String(letter.attempts)],
      ["spec", JSON.stringify(letter.job.spec)],
      ["input", JSON.stringify(letter.job.input)],
      ["redriven", letter.redrivenAs === null ? "no" : `as ${letter.redrivenAs} by ${letter.redrivenBy} at ${letter.redrivenAt}`],
    ]),
  );
}

interface RedriveOptions extends Choice {
  readonly all?: boolean;
  readonly again?: boolean;
  readonly rate?: RateLimit | "none";
}

export async function redriveDeadLetters(call: Call<RedriveOptions>): Promise<void> {
  const { again = false, rate = "none", all } = call.options;
  const { client } = connect(call);
  const chosen = await chosenOf(call, client);
  if (Object.keys(chosen).length === 0 && all !== true) throw new WindlassError("usage", `which ones? ${WHICH}`);
  if (again && chosen.ids === undefined) throw new WindlassError("usage", "--again is for letters that are named by their ids");
  const items: { readonly id: string; readonly job: string; readonly created: boolean }[] = [];
  for (let more = true; more;) {
    const answer = await client.deadLetters.redrive({
      ...chosen,
      again,
      ...(rate === "none" ? {} : { perSecond: rate.limit / rate.perSeconds }),
    });
    items.push(...answer.items);
    more = answer.more;
  }
  await present(call, { items }, () => {
    const made = items.filter(({ created }) => created).length;
    const known = items.length - made;
    return `${made} redriven${known === 0 ? "" : `, ${known} had been redriven before (--again runs them once more)`}\n`;
  });
}

interface PurgeOptions extends Choice {
  readonly redriven?: boolean;
  readonly all?: boolean;
  readonly yes?: boolean;
}

export async function purgeDeadLetters(call: Call<PurgeOptions>): Promise<void> {
  const { redriven, all, yes = false } = call.options;
  const { client } = connect(call);
  const chosen = await chosenOf(call, client);
  // To count harms nobody; what was struck off does not come back.
  if (yes && Object.keys(chosen).length === 0 && redriven === undefined && all !== true)
    throw new WindlassError("usage", `which ones are to be struck off? ${WHICH}; without --yes they are only counted`);
  const sum = { matched: 0, removed: 0, more: false };
  do {
    const answer = await client.deadLetters.purge({ ...chosen, ...(redriven === undefined ? {} : { redriven }), dryRun: !yes });
    sum.matched += answer.matched;
    sum.removed += answer.removed;
    sum.more = answer.more;
  } while (yes && sum.more);
  await present(call, sum, () =>
    yes
      ? `${sum.removed} struck off\n`
      : `${sum.matched}${sum.more ? " or more" : ""} would be struck off; their jobs stay. Add --yes to do it.\n`,
  );
}

async function chosenOf(call: Call<Choice>, client: Client): Promise<ReturnType<typeof choiceOf> & { readonly ids?: string[] }> {
  const given = call.args[0];
  if (typeof given !== "object" || given.length === 0) return choiceOf(call.options);
  const ids: string[] = [];
  for (const one of given) ids.push(await findLetter(client, one));
  return { ...choiceOf(call.options), ids: [...new Set(ids)] };
}

function choiceOf({ queue, reason, name, since, until }: Choice) {
  if (reason !== undefined) demandKnown("--reason", { what: "reason", value: reason, known: reasons, told: REASONS_TOLD });
  return {
    ...(queue === undefined ? {} : { queue }),
    ...(reason === undefined ? {} : { reason }),
    ...(name === undefined ? {} : { name }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
}

function columns(at: number): readonly Column<DeadLetterJson>[] {
  return [
    { title: "JOB", value: (letter) => letter.id },
    { title: "QUEUE", value: (letter) => letter.queue },
    { title: "NAME", value: (letter) => letter.name },
    { title: "REASON", value: (letter) => letter.reason, colour: () => "red" },
    { title: "ATTEMPTS", value: (letter) => String(letter.attempts) },
    { title: "DIED", value: (letter) => agoOf(letter.diedAt, at) },
    { title: "REDRIVEN", value: (letter) => (letter.redrivenAt === null ? "" : `${agoOf(letter.redrivenAt, at)} by ${letter.redrivenBy}`) },
    { title: "MESSAGE", value: (letter) => letter.message ?? "", elastic: true },
  ];
}
