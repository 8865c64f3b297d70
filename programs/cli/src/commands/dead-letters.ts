/** `windlass dead-letters …` */
import { DELAY_SECONDS_MAX, type DeadLetterJson } from "@windlass/contract";
import {
  formatDuration,
  messageOf,
  minutes,
  noticeFaults,
  reasons,
  WindlassError,
  type NoticeFault,
  type RateLimit,
  type Reason,
} from "@windlass/kernel";
import type { Client } from "@windlass/sdk";
import { connect } from "../connection/connect.ts";
import { findLetter } from "../connection/find-job.ts";
import { fields, now, presentTable, tellCursor } from "../output/api-object.ts";
import { agoOf, count } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import type { Column } from "../output/table.ts";
import { argumentOf, type Call } from "../tree/call.ts";
import { demandKnown } from "../tree/known-word.ts";

const WHICH = "Give ids, or --source, --queue, --reason, --name, --since or --until, or --all for every dead letter of the workspace";

const REASONS_TOLD = "the column REASON of `windlass dead-letters list` has those that occurred, docs/reference/reasons.md has all";

/** A broker may have to be looked through more than once (decision 0031). */
const PATIENT = { timeoutMs: minutes(5) };

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
  if (answer.unseen !== null) call.terminal.err(`Some of those of notices are not among them: ${answer.unseen}\n`);
  tellCursor(call, answer.nextCursor);
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
      ["redriven", redrivenText(letter)],
    ]),
  );
}

/** Of a notice that came back, its broker only knows how often. */
function redrivenText({ redrives, redrivenAt, redrivenAs, redrivenBy }: DeadLetterJson): string {
  if (redrivenAt !== null) return `as ${redrivenAs} by ${redrivenBy} at ${redrivenAt}`;
  return redrives === 0 ? "no" : `${count(redrives, "time")}, and it came back`;
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

export async function redriveDeadLetters(call: Call<RedriveOptions>): Promise<number | void> {
  const { again = false, rate = "none", all } = call.options;
  const { client } = connect(call);
  const chosen = await chosenOf(call, client);
  if (Object.keys(chosen).length === 0 && all !== true) throw new WindlassError("usage", `which ones? ${WHICH}`);
  if (again && chosen.ids === undefined) throw new WindlassError("usage", "--again is for letters that are named by their ids");
  const perSecond = rate === "none" ? {} : { perSecond: rate.limit / rate.perSeconds };
  const answer = await redriveAll(client, { ...chosen, again, ...perSecond }, now);
  await present(call, answer, () => {
    const made = answer.items.filter(({ created }) => created).length;
    const known = answer.items.length - made;
    const knownText = known === 0 ? "" : `, ${known} had been redriven before (--again runs them once more)`;
    return `${made} redriven${knownText}\n${restText(answer)}`;
  });
  return answer.left.length > 0 || answer.more || answer.unseen !== null ? 1 : undefined;
}

type Request = NonNullable<Parameters<Client["deadLetters"]["redrive"]>[0]>;
type Redriven = Awaited<ReturnType<Client["deadLetters"]["redrive"]>> & {
  /** When the next of them may start without breaking the rate; 0: at once. */
  readonly againInSeconds: number;
};

/**
 * Page by page. What died after it began is not meant by the later ones: what dies again at once would be redriven for ever. The
 * server says when that was, for clocks differ. Each page starts when the ones before it are under way, where there is a rate. The
 * last answer says what is left. What was done is told, whatever becomes of a later page.
 */
export async function redriveAll(client: Client, request: Request, clock: () => number): Promise<Redriven> {
  const begunAt = clock();
  const { perSecond } = request;
  let answer = await client.deadLetters.redrive(request, PATIENT);
  const until = untilOf(answer, request);
  const items = [...answer.items];
  const turnSeconds = (): number => Math.max(0, perSecond === undefined ? 0 : items.length / perSecond - (clock() - begunAt) / 1_000);
  while (answer.more && answer.fault === null) {
    const delaySeconds = turnSeconds();
    if (delaySeconds > DELAY_SECONDS_MAX) {
      answer = { ...answer, fault: `at this rate their turn comes in more than ${formatDuration(DELAY_SECONDS_MAX * 1_000)}` };
      break;
    }
    const pace = delaySeconds === 0 ? {} : { delaySeconds };
    const page = await orFault(client.deadLetters.redrive({ ...request, until, ...pace }, PATIENT));
    answer = "broken" in page ? { ...answer, fault: page.broken } : page;
    if ("broken" in page || page.items.length === 0) break;
    items.push(...page.items);
  }
  return { ...answer, items, againInSeconds: Math.ceil(turnSeconds()) };
}

/** Of the pages after the first: what had died when the server began, and is asked for. */
function untilOf({ at }: { readonly at: string }, { until = at }: { readonly until?: string | undefined }): string {
  return new Date(Math.min(Date.parse(at), Date.parse(until))).toISOString();
}

/** What a page came to; what went wrong with it is told beside what the pages before it came to. */
async function orFault<Page extends object>(page: Promise<Page>): Promise<Page | { readonly broken: string }> {
  try {
    return await page;
  } catch (error) {
    return { broken: messageOf(error) };
  }
}

function restText({ left, more, fault, unseen, againInSeconds }: Omit<Redriven, "items">): string {
  const lines = left.map(({ reason, why, count: all, ids }) => {
    const rest = all > ids.length ? `, and ${all - ids.length} more` : "";
    return `${all} left (${reason}): ${why}: ${ids.join(", ")}${rest}`;
  });
  const when =
    againInSeconds === 0
      ? "run it again"
      : `run it again in ${formatDuration(againInSeconds * 1_000)}, when these are under way: before that it would break the rate`;
  if (more) lines.push(`There are more that were not redriven${fault === null ? "" : `: ${fault}`}; ${when}.`);
  if (unseen !== null) lines.push(`Some could not be looked at: ${unseen}; ${when}.`);
  return lines.map((line) => `${line}\n`).join("");
}

interface PurgeOptions extends Choice {
  readonly redriven?: boolean;
  readonly all?: boolean;
  readonly yes?: boolean;
}

export async function purgeDeadLetters(call: Call<PurgeOptions>): Promise<number | void> {
  const { redriven, all, yes = false } = call.options;
  const { client } = connect(call);
  const chosen = await chosenOf(call, client);
  // To count harms nobody; what was struck off does not come back.
  if (yes && Object.keys(chosen).length === 0 && redriven === undefined && all !== true)
    throw new WindlassError("usage", `which ones are to be struck off? ${WHICH}; without --yes they are only counted`);
  const request = { ...chosen, ...(redriven === undefined ? {} : { redriven }), dryRun: !yes };
  const sum = yes ? await purgeAll(client, request) : await client.deadLetters.purge(request, PATIENT);
  const { matched, removed, more, fault, unseen } = sum;
  const rest = [
    ...(fault === null ? [] : [`Not all of them were struck off: ${fault}; run it again.`]),
    ...(yes && fault === null && matched > removed ? [`${matched - removed} were not there any more, or could not be found again.`] : []),
    ...(yes && fault === null && more ? ["There are more; run it again."] : []),
    ...(unseen === null ? [] : [`Some could not be looked at: ${unseen}; run it again.`]),
  ].map((line) => `${line}\n`);
  await present(call, sum, () => {
    const done = yes
      ? `${removed} struck off`
      : `${matched}${more || unseen !== null ? " or more" : ""} would be struck off; their jobs stay. Add --yes to do it.`;
    return `${done}\n${rest.join("")}`;
  });
  return yes && (more || matched > removed || fault !== null || unseen !== null) ? 1 : undefined;
}

type Purge = NonNullable<Parameters<Client["deadLetters"]["purge"]>[0]>;

/**
 * Page by page, as long as that goes on. What died after it began is left by the later ones: nobody has seen it. What was done is told,
 * whatever becomes of a later page.
 */
export async function purgeAll(client: Client, request: Purge): Promise<Awaited<ReturnType<Client["deadLetters"]["purge"]>>> {
  let answer = await client.deadLetters.purge(request, PATIENT);
  const until = untilOf(answer, request);
  let { matched, removed } = answer;
  while (answer.more && answer.fault === null && answer.removed > 0) {
    const page = await orFault(client.deadLetters.purge({ ...request, until }, PATIENT));
    answer = "broken" in page ? { ...answer, fault: page.broken } : page;
    if ("broken" in page) break;
    matched += page.matched;
    removed += page.removed;
  }
  return { ...answer, matched, removed };
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
    { title: "REDRIVEN", value: (letter) => redrivenShortly(letter, at) },
    { title: "MESSAGE", value: (letter) => letter.message ?? "", elastic: true },
  ];
}

function redrivenShortly({ redrives, redrivenAt, redrivenBy }: DeadLetterJson, at: number): string {
  if (redrivenAt !== null) return `${agoOf(redrivenAt, at)} by ${redrivenBy}`;
  return redrives === 0 ? "" : count(redrives, "time");
}
