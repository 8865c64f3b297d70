/** `windlass webhooks …` */
import type { DeliveryJson, WebhookJson } from "@windlass/contract";
import { WindlassError } from "@windlass/kernel";
import type { Client } from "@windlass/sdk";
import { allPages } from "../connection/all-pages.ts";
import { connect } from "../connection/connect.ts";
import { fields, now, presentTable, tellCursor } from "../output/api-object.ts";
import { agoOf } from "../output/job-lines.ts";
import { isForPeople, present } from "../output/present.ts";
import type { Column } from "../output/table.ts";
import { argumentOf, type Call } from "../tree/call.ts";

interface Choice {
  readonly type?: readonly string[];
  readonly kind?: readonly string[];
  readonly jobName?: readonly string[];
  readonly outcome?: readonly string[];
  readonly label?: readonly (readonly [string, string])[];
}

interface Given extends Choice {
  readonly url?: string;
  readonly secret?: string;
  readonly paused?: boolean;
  readonly pause?: boolean;
  readonly resume?: boolean;
}

type Filter = NonNullable<Parameters<Client["webhooks"]["create"]>[0]["filter"]>;

export async function createWebhook(call: Call<Given & { readonly url: string }>): Promise<void> {
  const { url, secret, paused } = call.options;
  const filter = filterOf(call.options, { types: ["job.finished"] });
  const made = await connect(call).client.webhooks.create({
    name: argumentOf(call, 0),
    url,
    filter,
    ...(secret === undefined ? {} : { secret }),
    ...(paused === undefined ? {} : { paused }),
  });
  await present(
    call,
    made,
    () => textOf(call, made) + (made.signingSecret === null ? "" : fields(call, [["signed with", made.signingSecret]])),
  );
  if (made.signingSecret !== null && isForPeople(call.format)) call.terminal.err("What it is signed with is not shown again.\n");
}

export async function listWebhooks(call: Call): Promise<void> {
  const { client } = connect(call);
  const answer = await allPages(client.webhooks.list);
  await presentTable(call, answer, { columns: columns(now()), rows: answer.items, none: "No webhooks." });
}

export async function getWebhook(call: Call): Promise<void> {
  await show(call, await connect(call).client.webhooks.get({ name: argumentOf(call, 0) }));
}

export async function updateWebhook(call: Call<Given>): Promise<void> {
  const { url, secret, pause, resume } = call.options;
  if (pause === true && resume === true) throw new WindlassError("usage", "--pause and --resume exclude each other");
  const name = argumentOf(call, 0);
  const { client } = connect(call);
  const choice = filterOf(call.options, {});
  const isChosen = Object.keys(choice).length > 0;
  const filter = isChosen ? { filter: { ...(await client.webhooks.get({ name })).filter, ...choice } } : {};
  const paused = pause === true ? { paused: true } : resume === true ? { paused: false } : {};
  const change = { ...filter, ...paused, ...(url === undefined ? {} : { url }), ...(secret === undefined ? {} : { secret }) };
  if (Object.keys(change).length === 0)
    throw new WindlassError("usage", "what is to be changed? Give --url, --secret, --pause, --resume or what to tell");
  await show(call, await client.webhooks.update({ name, ...change }));
}

export async function deleteWebhook(call: Call): Promise<void> {
  const deleted = await connect(call).client.webhooks.delete({ name: argumentOf(call, 0) });
  await present(call, deleted, () => `Deleted the webhook ${deleted.name}; its secret stays\n`);
}

/** 1 when it was not taken. */
export async function testWebhook(call: Call): Promise<number> {
  const sent = await connect(call).client.webhooks.test({ name: argumentOf(call, 0) });
  await present(call, sent, () => (sent.error === null ? `Taken: ${sent.status} after ${sent.tookMs} ms\n` : `Not taken: ${sent.error}\n`));
  return sent.error === null ? 0 : 1;
}

interface ListOptions {
  readonly state?: DeliveryJson["state"];
  readonly limit?: number;
  readonly cursor?: string;
}

export async function listDeliveries(call: Call<ListOptions>): Promise<void> {
  const { state, limit, cursor } = call.options;
  const answer = await connect(call).client.webhooks.deliveries({
    name: argumentOf(call, 0),
    ...(state === undefined ? {} : { state }),
    ...(limit === undefined ? {} : { limit }),
    ...(cursor === undefined ? {} : { cursor }),
  });
  await presentTable(call, answer, { columns: deliveryColumns(now()), rows: answer.items, none: "Nothing was told yet." });
  tellCursor(call, answer.nextCursor);
}

export async function redriveDeliveries(call: Call): Promise<void> {
  const given = call.args[1];
  const ids = typeof given === "object" && given.length > 0 ? { ids: [...given] } : {};
  const answer = await connect(call).client.webhooks.redrive({ name: argumentOf(call, 0), ...ids });
  await present(call, answer, () => `${answer.redriven} will be sent again\n`);
}

function filterOf({ type, kind, jobName, outcome, label }: Choice, usual: Filter): Filter {
  const types = type?.includes("all") === true ? [] : type;
  // The server refuses what is none, and says what is near.
  return {
    ...usual,
    ...(types === undefined ? {} : { types: types as Filter["types"] }),
    ...(kind === undefined ? {} : { kinds: kind as Filter["kinds"] }),
    ...(jobName === undefined ? {} : { names: [...jobName] }),
    ...(outcome === undefined ? {} : { outcomes: outcome as Filter["outcomes"] }),
    ...(label === undefined ? {} : { labels: Object.fromEntries(label) }),
  };
}

async function show(call: Call, webhook: WebhookJson): Promise<void> {
  await present(call, webhook, () => textOf(call, webhook));
}

function textOf(call: Call, webhook: WebhookJson): string {
  const { types, kinds, names, outcomes, labels } = webhook.filter;
  return fields(call, [
    ["webhook", webhook.name],
    ["url", webhook.url],
    ["state", stateOf(webhook, now())],
    ["events", types.join(", ") || "all"],
    ["kinds", kinds.join(", ")],
    ["jobs", names.join(", ")],
    ["outcomes", outcomes.join(", ")],
    [
      "labels",
      Object.entries(labels)
        .map(([label, value]) => `${label}=${value}`)
        .join(", "),
    ],
    ["secret", webhook.secret],
  ]);
}

function stateOf({ paused, pausedBy, failingSince }: WebhookJson, at: number): string {
  if (paused) return `paused${pausedBy === null ? "" : ` by ${pausedBy}`}`;
  return failingSince === null ? "active" : `failing since ${agoOf(failingSince, at)}`;
}

function columns(at: number): readonly Column<WebhookJson>[] {
  return [
    { title: "WEBHOOK", value: ({ name }) => name },
    {
      title: "STATE",
      value: (webhook) => stateOf(webhook, at),
      colour: (webhook) => (webhook.paused || webhook.failingSince !== null ? "yellow" : null),
    },
    { title: "EVENTS", value: ({ filter }) => filter.types.join(", ") || "all", elastic: true },
    { title: "URL", value: ({ url }) => url, elastic: true },
  ];
}

function deliveryColumns(at: number): readonly Column<DeliveryJson>[] {
  return [
    { title: "DELIVERY", value: ({ id }) => id },
    { title: "EVENT", value: ({ type }) => type },
    { title: "JOB", value: ({ jobId }) => jobId },
    {
      title: "STATE",
      value: ({ state }) => state,
      colour: ({ state }) => (state === "dead" ? "red" : state === "pending" ? "yellow" : null),
    },
    { title: "TRIES", value: ({ tries }) => String(tries) },
    { title: "LAST", value: ({ lastAt }) => agoOf(lastAt, at) },
    { title: "ANSWER", value: ({ lastStatus, lastError }) => lastError ?? (lastStatus === null ? "" : String(lastStatus)), elastic: true },
  ];
}
