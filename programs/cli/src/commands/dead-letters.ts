/** `windlass dead-letters …` */
import type { DeadLetterJson } from "@windlass/contract";
import { noticeFaults, reasons, WindlassError, type NoticeFault, type RateLimit, type Reason } from "@windlass/kernel";
import type { Client } from "@windlass/sdk";
import { connect } from "../connection/connect.ts";
import { findLetter } from "../connection/find-job.ts";
import { fields, now, presentTable } from "../output/api-object.ts";
import { agoOf } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import type { Column } from "../output/table.ts";
import { argumentOf, type Call } from "../tree/call.ts";
import { demandKnown } from "../tree/known-word.ts";

const WHICH = "Give ids, or --source, --queue, --reason, --name, --since or --until, or --all for every dead letter of the workspace";

const REASONS_TOLD = "the column REASON of `windlass dead-letters list` has those that occurred, docs/reference/reasons.md has all";

interface Choice {
  readonly source?: "job" | "notice";
  readonly queue?: string;
  /** Checked before anything is asked. */
  readonly reason?: Reason | NoticeFault;
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
  if (answer.away !== null) call.terminal.err(`Those of notices are not among them: ${answer.away}\n`);
  if (answer.nextCursor !== null && call.format === "table") call.terminal.err(`There are more: add --cursor ${answer.nextCursor}.\n`);
}

export async function getDeadLetter(call: Call): Promise<void> {
  const { client } = connect(call);
  const letter = await client.deadLetters.get({ id: await findLetter(client, argumentOf(call, 0)) });
  await present(call, letter, () =>
    fields(call, [
      [letter.source, letter.id],
      ["name", letter.name],
      ["queue", letter.queue],
      ["died", `${letter.diedAt} (${agoOf(letter.diedAt, now())})`],
      ["reason", letter.reason],
      ["message", letter.message ?? ""],
      ["attempts", String(letter.attempts)],
      ...worked(letter),
      ["redriven", letter.redrivenAs === null ? "no" : `as ${letter.redrivenAs} by ${letter.redrivenBy} at ${letter.redrivenAt}`],
    ]),
  );
}

/** What it was to do. */
function worked({
  job,
  body,
  firstAt,
  execution,
}: Awaited<ReturnType<Client["deadLetters"]["get"]>>): readonly (readonly [string, string])[] {
  if (job !== null)
    return [
      ["spec", JSON.stringify(job.spec)],
      ["input", JSON.stringify(job.input)],
    ];
  return [
    ["first seen", firstAt ?? ""],
    ["execution", execution ?? "none is named"],
    ["body", body ?? ""],
  ];
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
  const perSecond = rate === "none" ? {} : { perSecond: rate.limit / rate.perSeconds };
  const items = await redriveAll(client, { ...chosen, again, ...perSecond }, new Date(now()).toISOString());
  await present(call, { items }, () => {
    const made = items.filter(({ created }) => created).length;
    const known = items.length - made;
    return `${made} redriven${known === 0 ? "" : `, ${known} had been redriven before (--again runs them once more)`}\n`;
  });
}

type Request = Parameters<Client["deadLetters"]["redrive"]>[0];
type Items = Awaited<ReturnType<Client["deadLetters"]["redrive"]>>["items"];

/** Page by page. What died after it began is not meant by the later ones: what dies again at once would be redriven for ever. */
export async function redriveAll(client: Client, request: Request, begunAt: string): Promise<Items> {
  const first = await client.deadLetters.redrive(request);
  const items = [...first.items];
  for (let { more } = first; more;) {
    const answer = await client.deadLetters.redrive({ until: begunAt, ...request });
    items.push(...answer.items);
    more = answer.more;
  }
  return items;
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

const SOURCES = ["job", "notice"] as const;

function choiceOf({ source, queue, reason, name, since, until }: Choice) {
  if (source !== undefined)
    demandKnown("--source", { what: "source", value: source, known: SOURCES, told: `there are ${SOURCES.join(" and ")}` });
  if (reason !== undefined)
    demandKnown("--reason", { what: "reason", value: reason, known: [...new Set([...reasons, ...noticeFaults])], told: REASONS_TOLD });
  return {
    ...(source === undefined ? {} : { source }),
    ...(queue === undefined ? {} : { queue }),
    ...(reason === undefined ? {} : { reason }),
    ...(name === undefined ? {} : { name }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
}

function columns(at: number): readonly Column<DeadLetterJson>[] {
  return [
    { title: "ID", value: (letter) => letter.id },
    { title: "SOURCE", value: (letter) => letter.source },
    { title: "QUEUE", value: (letter) => letter.queue },
    { title: "NAME", value: (letter) => letter.name },
    { title: "REASON", value: (letter) => letter.reason, colour: () => "red" },
    { title: "ATTEMPTS", value: (letter) => String(letter.attempts) },
    { title: "DIED", value: (letter) => agoOf(letter.diedAt, at) },
    { title: "REDRIVEN", value: (letter) => (letter.redrivenAt === null ? "" : `${agoOf(letter.redrivenAt, at)} by ${letter.redrivenBy}`) },
    { title: "MESSAGE", value: (letter) => letter.message ?? "", elastic: true },
  ];
}
