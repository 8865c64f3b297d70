/** For tests: a server that writes down what it is told, and fails as it is asked to. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Account } from "./server-line.ts";

export interface ToldAccount extends Account {
  /** From `/api/internal/` on. */
  readonly path: string;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

interface Turn {
  readonly name: string;
  readonly holder: string;
  readonly ttlSeconds: number;
}

export class RecordingServer {
  token = "an-internal-token-for-tests";
  /** In the order in which they were taken. */
  readonly told: ToldAccount[] = [];
  /** Status of each refusal. */
  readonly refused: number[] = [];
  readonly undelivered: Record<string, unknown>[] = [];
  readonly #logs = new Map<string, Buffer>();
  readonly #turns = new Map<string, { holder: string; until: number }>();
  readonly #listeners = new Set<() => void>();
  #failure: number | null = 0;
  #refuse = (_: ToldAccount): boolean => false;
  readonly #server: Server = createServer((request, response) => void this.#answer(request, response));

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  /** What a container of a job printed, by `job/attempt/container`. */
  log(key: string): string {
    return (this.#logs.get(key) ?? Buffer.alloc(0)).toString();
  }

  /** Answers every request with this status instead; null: none is answered, and the connection is cut. 0: as usual. */
  fail(status: number | null): void {
    this.#failure = status;
  }

  /** Refuses accounts that this is true of as not understood. */
  refuse(whether: (account: ToldAccount) => boolean): void {
    this.#refuse = whether;
  }

  /** Resolves with the first account of an end (or whatever fits) of this job. */
  heard(job: string, fits: (account: ToldAccount) => boolean = isEnd): Promise<ToldAccount> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = this.told.find((one) => one.path.startsWith(`jobs/${job}/`) && fits(one));
        if (found === undefined) return;
        this.#listeners.delete(look);
        resolve(found);
      };
      this.#listeners.add(look);
      look();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const failure = this.#failure;
    if (failure === null) return void request.socket.destroy();
    const { status, body } =
      failure === 0 ? await this.#usual(request) : problem(failure, failure === 429 ? "rate_limited" : "unavailable");
    if (status >= 400) this.refused.push(status);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
    for (const listener of this.#listeners) listener();
  }

  async #usual(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? "", "http://server");
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const bytes = Buffer.concat(parts);
    if (request.headers.authorization !== `Bearer ${this.token}`) return problem(403, "forbidden");
    const path = url.pathname.replace("/api/internal/", "");
    if (path.endsWith("/logs") && request.method === "GET") return this.#toldLogs(path);
    if (path.endsWith("/logs")) return this.#takeLog(path, url.searchParams, bytes);
    const body = JSON.parse(bytes.toString()) as Record<string, unknown>;
    if (path === "turns") return { status: 200, body: { holds: this.#takeTurn(body as unknown as Turn) } };
    if (path === "undelivered-callbacks") {
      this.undelivered.push(body);
      return { status: 202, body: { status: "noted" } };
    }
    const account = { ...(body as unknown as Account), path };
    if (this.#refuse(account)) return problem(422, "invalid");
    const isRepeated = this.told.some((one) => one.path === path && one.state === account.state && one.jobUid === account.jobUid);
    this.told.push(account);
    return { status: 202, body: { status: isRepeated ? "accepted_duplicate" : "accepted_in_flight", event_id: "1" } };
  }

  #takeLog(path: string, query: URLSearchParams, bytes: Buffer): Answer {
    const [, job = "", , attempt = ""] = path.split("/");
    const key = `${job}/${attempt}/${query.get("container") ?? "main"}`;
    const stored = this.#logs.get(key) ?? Buffer.alloc(0);
    const offset = Number(query.get("offset"));
    if (offset > stored.length) return { status: 202, body: { status: "gap", next: stored.length } };
    const fresh = bytes.subarray(stored.length - offset);
    this.#logs.set(key, Buffer.concat([stored, fresh]));
    return { status: 202, body: { status: "stored", next: stored.length + fresh.length } };
  }

  #toldLogs(path: string): Answer {
    const [, job = "", , attempt = ""] = path.split("/");
    const own = [...this.#logs].filter(([key]) => key.startsWith(`${job}/${attempt}/`));
    const sources = own.map(([key, { length }]) => ({ container: key.split("/")[2] ?? "", stream: "stdout", next: length, cut: false }));
    return { status: 200, body: { status: "known", sources } };
  }

  #takeTurn({ name, holder, ttlSeconds }: Turn): boolean {
    const held = this.#turns.get(name);
    if (held !== undefined && held.holder !== holder && held.until > performance.now()) return false;
    this.#turns.set(name, { holder, until: performance.now() + ttlSeconds * 1000 });
    return true;
  }
}

function isEnd({ state }: ToldAccount): boolean {
  return state !== "pending" && state !== "running";
}

function problem(status: number, code: string): Answer {
  return { status, body: { code, detail: `refused with ${status}`, status } };
}
