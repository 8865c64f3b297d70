/**
 * `Bus` between processes over LISTEN/NOTIFY, on a connection of its own and outside of any transaction that submits: a
 * notification must not make commits wait for each other, and need not survive a crash. What is published in one turn of the event
 * loop, and while something is being sent, goes as one. Lost connections are made anew; what was said meanwhile is lost, and may be.
 */
import pg from "pg";
import type { Bus, Clock, Topic } from "@windlass/ports";
import { connectionConfig } from "./connection.ts";

export interface PostgresBusOptions {
  readonly url: string;
  readonly clock: Clock;
}

const CHANNEL = "windlass";
const NOTIFY = "SELECT pg_notify($1, $2)";
/** A payload may have 8000 bytes; a key is cut nowhere, so this leaves room for the longest. */
const PAYLOAD_LENGTH_MAX = 6_000;
/** What was said while nobody listened is not known here. Of these those who listen look at once, and at all else once a second anyhow. */
const MISSED: readonly Topic[] = ["events", "held", "access"];
const RECONNECT_FIRST_MS = 100;
const RECONNECT_MAX_MS = 10_000;

/** Rejects when the first connection cannot be made. */
export async function openPostgresBus({ url, clock }: PostgresBusOptions): Promise<Bus> {
  const bus = new PostgresBus(url, clock);
  await bus.connect();
  return bus;
}

class PostgresBus implements Bus {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #listeners = new Map<Topic, Set<(key: string) => void>>();
  readonly #waiting = new Map<string, readonly [Topic, string]>();
  #client: pg.Client | null = null;
  #backend = 0;
  #cancelRetry = (): void => {};
  #sending: Promise<void> | null = null;
  #closed = false;

  constructor(url: string, clock: Clock) {
    this.#url = url;
    this.#clock = clock;
  }

  publish(topic: Topic, key: string): void {
    if (this.#closed) return;
    this.#tell(topic, key);
    this.#waiting.set(`${topic} ${key}`, [topic, key]);
    this.#sending ??= this.#send();
  }

  subscribe(topic: Topic, listener: (key: string) => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry();
    await this.#sending;
    const client = this.#client;
    this.#client = null;
    await client?.end();
  }

  async connect(): Promise<void> {
    const client = new pg.Client(connectionConfig(this.#url));
    client.on("error", () => this.#lose(client));
    client.on("end", () => this.#lose(client));
    client.on("notification", (message) => this.#receive(message));
    await client.connect();
    // Telling something is a transaction like any other, and would wait for the disk, as would all commits behind it.
    await client.query(`SET synchronous_commit = off; LISTEN ${CHANNEL}`);
    const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    if (this.#closed) return client.end();
    this.#backend = rows[0]?.pid ?? 0;
    this.#client = client;
  }

  #tell(topic: Topic, key: string): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener(key);
  }

  async #send(): Promise<void> {
    // After all that is published in this turn.
    await Promise.resolve();
    while (this.#waiting.size > 0) {
      const payloads = payloadsOf([...this.#waiting.values()]);
      this.#waiting.clear();
      // One that fails is lost, as the connection is, which is made anew.
      for (const payload of payloads) await this.#client?.query(NOTIFY, [CHANNEL, payload]).catch(() => {});
    }
    this.#sending = null;
  }

  #receive(message: pg.Notification): void {
    if (message.channel !== CHANNEL || message.processId === this.#backend || message.payload === undefined) return;
    for (const [topic, key] of JSON.parse(message.payload) as [Topic, string][]) this.#tell(topic, key);
  }

  #lose(client: pg.Client): void {
    if (this.#client !== client || this.#closed) return;
    this.#client = null;
    this.#retry(RECONNECT_FIRST_MS);
  }

  #retry(delayMs: number): void {
    this.#cancelRetry = this.#clock.after(delayMs, () => {
      if (this.#closed) return;
      const connected = this.connect().then(() => {
        for (const topic of MISSED) this.#tell(topic, "");
      });
      connected.catch(() => this.#retry(Math.min(RECONNECT_MAX_MS, delayMs * 2)));
    });
  }
}

function payloadsOf(entries: readonly (readonly [Topic, string])[]): string[] {
  const payloads: string[] = [];
  let parts: string[] = [];
  let length = 2;
  for (const text of entries.map((entry) => JSON.stringify(entry))) {
    if (parts.length > 0 && length + text.length + 1 > PAYLOAD_LENGTH_MAX) {
      payloads.push(`[${parts.join(",")}]`);
      parts = [];
      length = 2;
    }
    parts.push(text);
    length += text.length + 1;
  }
  if (parts.length > 0) payloads.push(`[${parts.join(",")}]`);
  return payloads;
}
