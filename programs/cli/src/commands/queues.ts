/** `windlass queues …` */
import type { QueueJson } from "@windlass/contract";
import { hasCode, messageOf, WindlassError, type RateLimit } from "@windlass/kernel";
import type { Client } from "@windlass/sdk";
import { allPages } from "../connection/all-pages.ts";
import { connect } from "../connection/connect.ts";
import { fields, now, presentTable } from "../output/api-object.ts";
import { agoOf, timeColumn } from "../output/job-lines.ts";
import { isForPeople, present } from "../output/present.ts";
import { queuedText } from "../output/queued-text.ts";
import type { Column } from "../output/table.ts";
import { argumentOf, type Call } from "../tree/call.ts";
import { orNull } from "../tree/option-values.ts";

export async function listQueues(call: Call): Promise<void> {
  const { client } = connect(call);
  const answer = await allPages(client.queues.list);
  await presentTable(call, answer, {
    columns: columns(now()),
    rows: answer.items,
    none: "No queues yet: a queue is there once a job names it.",
  });
}

export async function getQueue(call: Call): Promise<void> {
  await show(call, await connect(call).client.queues.get({ name: argumentOf(call, 0) }));
}

export async function pauseQueue(call: Call): Promise<void> {
  await put(call, { paused: true });
}

export async function resumeQueue(call: Call): Promise<void> {
  await put(call, { paused: false });
}

export async function limitQueue(call: Call): Promise<void> {
  // What `limitFrom` made of it.
  await put(call, { concurrencyLimit: orNull(call.args[1] as unknown as number | "none") });
}

interface SetOptions {
  readonly limit?: number | "none";
  readonly rate?: RateLimit | "none";
  readonly keyLimit?: number | "none";
  readonly keyRate?: RateLimit | "none";
  readonly deadLetters?: boolean;
}

export async function setQueue(call: Call<SetOptions>): Promise<void> {
  const { limit, rate, keyLimit, keyRate, deadLetters } = call.options;
  if ([limit, rate, keyLimit, keyRate, deadLetters].every((value) => value === undefined))
    throw new WindlassError("usage", "what is to be set? Give --limit, --rate, --key-limit, --key-rate or --dead-letters");
  await put(call, {
    ...(limit === undefined ? {} : { concurrencyLimit: orNull(limit) }),
    ...(rate === undefined ? {} : { rateLimit: orNull(rate) }),
    ...(keyLimit === undefined ? {} : { keyConcurrencyLimit: orNull(keyLimit) }),
    ...(keyRate === undefined ? {} : { keyRateLimit: orNull(keyRate) }),
    ...(deadLetters === undefined ? {} : { deadLetters }),
  });
}

type Change = Omit<Parameters<Client["queues"]["put"]>[0], "name">;

/** A queue is there once somebody sets it. Who has mistyped the name of another is told, for nothing of that one was set. */
async function put(call: Call, change: Change): Promise<void> {
  const { client } = connect(call);
  const name = argumentOf(call, 0);
  const missing = await whyMissing(client, name);
  await show(call, await client.queues.put({ name, ...change }));
  if (missing !== null && isForPeople(call.format)) call.terminal.err(`Until now ${missing}\n`);
}

/** Null: it is there, or may not be looked at. */
async function whyMissing(client: Client, name: string): Promise<string | null> {
  try {
    await client.queues.get({ name });
  } catch (error) {
    if (hasCode(error, "not_found")) return messageOf(error).replace("there is no", "there was no");
    if (!hasCode(error, "forbidden")) throw error;
  }
  return null;
}

async function show(call: Call, queue: QueueJson): Promise<void> {
  await present(call, queue, () =>
    fields(call, [
      ["queue", queue.name],
      ["state", stateOf(queue)],
      ["limit", String(queue.concurrencyLimit ?? "none")],
      ["rate", rateText(queue.rateLimit)],
      ["limit of each key", String(queue.keyConcurrencyLimit ?? "none")],
      ["rate of each key", rateText(queue.keyRateLimit)],
      ["dead letters", queue.deadLetters ? "kept" : "not kept"],
      ["scheduled", String(queue.scheduled)],
      ["queued", queuedText(queue)],
      ["running", String(queue.running)],
      ["waiting", String(queue.waiting)],
      ["oldest", agoOf(queue.oldestQueuedAt, now())],
    ]),
  );
}

function columns(at: number): readonly Column<QueueJson>[] {
  return [
    { title: "QUEUE", value: (queue) => queue.name, elastic: true },
    { title: "STATE", value: stateOf, colour: (queue) => (queue.paused ? "yellow" : null) },
    { title: "LIMIT", value: (queue) => String(queue.concurrencyLimit ?? "none") },
    { title: "RATE", value: (queue) => rateText(queue.rateLimit) },
    { title: "KEY LIMIT", value: (queue) => String(queue.keyConcurrencyLimit ?? "none"), wide: true },
    { title: "KEY RATE", value: (queue) => rateText(queue.keyRateLimit), wide: true },
    { title: "DEAD LETTERS", value: (queue) => (queue.deadLetters ? "kept" : "not kept"), wide: true },
    { title: "SCHEDULED", value: (queue) => String(queue.scheduled) },
    { title: "QUEUED", value: queuedText },
    { title: "RUNNING", value: (queue) => String(queue.running) },
    { title: "WAITING", value: (queue) => String(queue.waiting) },
    timeColumn("OLDEST", (queue) => queue.oldestQueuedAt, at),
  ];
}

/** As `--rate` takes it. */
function rateText(rate: RateLimit | null): string {
  if (rate === null) return "none";
  return `${rate.limit}/${rate.perSeconds === 1 ? "" : rate.perSeconds}s`;
}

function stateOf(queue: QueueJson): string {
  return queue.paused ? `paused${queue.pausedBy === null ? "" : ` by ${queue.pausedBy}`}` : "open";
}
