/** `windlass queues …` */
import type { QueueJson } from "@windlass/contract";
import { WindlassError, type RateLimit } from "@windlass/kernel";
import { allPages } from "../connection/all-pages.ts";
import { connect } from "../connection/connect.ts";
import { fields, now, presentTable } from "../output/api-object.ts";
import { agoOf, timeColumn } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
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
  await show(call, await connect(call).client.queues.put({ name: argumentOf(call, 0), paused: true }));
}

export async function resumeQueue(call: Call): Promise<void> {
  await show(call, await connect(call).client.queues.put({ name: argumentOf(call, 0), paused: false }));
}

export async function limitQueue(call: Call): Promise<void> {
  const count = argumentOf(call, 1);
  if (count !== "none" && !/^\d{1,6}$/u.test(count))
    throw new WindlassError("usage", `the limit is "${count}"; it must be a whole number, or \`none\``);
  await show(
    call,
    await connect(call).client.queues.put({ name: argumentOf(call, 0), concurrencyLimit: count === "none" ? null : Number(count) }),
  );
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
  const queue = await connect(call).client.queues.put({
    name: argumentOf(call, 0),
    ...(limit === undefined ? {} : { concurrencyLimit: orNull(limit) }),
    ...(rate === undefined ? {} : { rateLimit: orNull(rate) }),
    ...(keyLimit === undefined ? {} : { keyConcurrencyLimit: orNull(keyLimit) }),
    ...(keyRate === undefined ? {} : { keyRateLimit: orNull(keyRate) }),
    ...(deadLetters === undefined ? {} : { deadLetters }),
  });
  await show(call, queue);
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
