/**
 * Requests to the API server, with what we need of each: its status, its headers (Retry-After), its JSON as it is.
 * On `node:https`: the official client's generated calls turn answers and bodies into classes of one version of Kubernetes
 * and lose every field that it does not know, which a raw patch of a pod must not; and it has no rate.
 *
 * U1. No more than so many calls are under way at once, and no more than so many are begun in a second; streams are counted
 *     when they begin.
 * U2. Where the API server answers that it is asked too much (429), nothing more is asked of it before the time that it names,
 *     whatever it is for.
 */
import { createHash } from "node:crypto";
import http from "node:http";
import https from "node:https";
import { messageOf, WindlassError } from "@windlass/kernel";
import { allBytes, type Clock } from "@windlass/ports";
import type { ClusterAccess } from "./cluster-access.ts";
import { refusalOf } from "./refusal.ts";
import { RequestPace, type Pace } from "./request-pace.ts";

export interface ClusterClientOptions {
  readonly access: ClusterAccess;
  readonly clock: Clock;
  readonly pace: Pace;
  /** Calls under way at once; more wait here. */
  readonly callsMax: number;
}

export interface ClusterCall {
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: unknown;
  /** Of the body; JSON when left out. */
  readonly contentType?: "application/json" | "application/merge-patch+json" | "application/json-patch+json";
  readonly signal?: AbortSignal;
  /** How long without a byte of answer; 0: for ever, for streams that end by other means. */
  readonly silentMsMax?: number;
}

export interface ClusterAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** What was answered; text that is no JSON is a string. */
  readonly body: unknown;
}

const SILENT_MS_MAX = 60_000;
/** Of a server that asks to wait: when it does not say how long, and the longest that it is heeded. */
const TOO_MUCH = { usualMs: 1_000, maxMs: 60_000 } as const;
/** Lists are read in pages; one answer is never so large. */
const ANSWER_BYTES_MAX = 128 * 1_048_576;
const USER_AGENT = "windlass";

export class ClusterClient {
  readonly access: ClusterAccess;
  readonly #pace: RequestPace;
  readonly #callsMax: number;
  #agents: { readonly key: string; readonly calls: http.Agent; readonly streams: http.Agent } | null = null;

  constructor({ access, clock, pace, callsMax }: ClusterClientOptions) {
    this.access = access;
    this.#pace = new RequestPace(pace, clock);
    this.#callsMax = callsMax;
  }

  /** Throws `unavailable` when there is no answer; a refusal is an answer. */
  async call(method: string, path: string, call: ClusterCall = {}): Promise<ClusterAnswer> {
    const response = await this.#open(method, path, { ...call, sort: "calls" });
    const bytes = await allBytes(response as AsyncIterable<Uint8Array>, ANSWER_BYTES_MAX).catch((error: unknown) => {
      throw this.#unavailable(error);
    });
    return { status: response.statusCode ?? 0, headers: response.headers, body: parsed(bytes.toString()) };
  }

  /** The answer as it comes: a watch, a log that is followed. What is read of it is paced by its reader. */
  async stream(method: string, path: string, call: ClusterCall = {}): Promise<http.IncomingMessage> {
    return this.#open(method, path, { ...call, sort: "streams" });
  }

  close(): void {
    this.#agents?.calls.destroy();
    this.#agents?.streams.destroy();
    this.#agents = null;
  }

  async #open(method: string, path: string, call: ClusterCall & { readonly sort: "calls" | "streams" }): Promise<http.IncomingMessage> {
    const { query = {}, body, contentType = "application/json", signal, silentMsMax = SILENT_MS_MAX, sort } = call;
    await this.#pace.turn();
    signal?.throwIfAborted();
    const { server } = this.access;
    const login = await this.#login();
    const search = new URLSearchParams(Object.entries(query).map(([key, value]): [string, string] => [key, String(value)])).toString();
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const request = (server.protocol === "http:" ? http : https).request(
        {
          hostname: server.hostname.replaceAll(/^\[|\]$/gu, ""),
          ...(server.port === "" ? {} : { port: server.port }),
          ...(login.auth === undefined ? {} : { auth: login.auth }),
          agent: login[sort],
          method,
          path: `${server.pathname.replace(/\/$/u, "")}${path}${search === "" ? "" : `?${search}`}`,
          headers: {
            accept: "application/json, */*",
            "user-agent": USER_AGENT,
            ...login.headers,
            ...(payload === undefined ? {} : { "content-type": contentType, "content-length": payload.length }),
          },
          ...(signal === undefined ? {} : { signal }),
          ...(silentMsMax === 0 ? {} : { timeout: silentMsMax }),
        },
        (response) => {
          this.#heed(response);
          resolve(response);
        },
      );
      request.on("timeout", () => request.destroy(new Error(`silent for ${silentMsMax / 1000} s`)));
      request.on("error", (error) => reject(this.#unavailable(error)));
      request.end(payload);
    });
  }

  /** See U2. */
  #heed({ statusCode, headers }: http.IncomingMessage): void {
    if (statusCode !== 429) return;
    const { retryAfterMs } = refusalOf({ status: statusCode, headers, body: null });
    this.#pace.hold(Math.min(retryAfterMs ?? TOO_MUCH.usualMs, TOO_MUCH.maxMs));
  }

  /** Tokens and certificates may have changed since the last request. */
  async #login(): Promise<Login> {
    const { config, server, told } = this.access;
    const options: https.RequestOptions = { headers: {} };
    if (server.protocol !== "http:") {
      try {
        await config.applyToHTTPSOptions(options);
      } catch (error) {
        throw new WindlassError("unavailable", `no login at ${told}: ${messageOf(error)}`, { cause: error });
      }
    }
    const headers = options.headers as http.OutgoingHttpHeaders;
    const auth = typeof options.auth === "string" ? options.auth : undefined;
    const isProxied = (config.getCurrentCluster()?.proxyUrl ?? "") !== "";
    if (isProxied && options.agent instanceof http.Agent) return { headers, auth, calls: options.agent, streams: options.agent };
    return { headers, auth, ...this.#agentsFor(options) };
  }

  #agentsFor({ ca, cert, key, rejectUnauthorized, servername }: https.RequestOptions): Pick<Login, "calls" | "streams"> {
    const trust = { ca, cert, key, rejectUnauthorized, servername };
    const hash = createHash("sha256").update(JSON.stringify(trust)).digest("hex");
    if (this.#agents?.key === hash) return this.#agents;
    // What is under way on the old connections ends there.
    const isPlain = this.access.server.protocol === "http:";
    const given = Object.fromEntries(Object.entries(trust).filter(([, value]) => value !== undefined));
    const made = (maxSockets: number): http.Agent =>
      isPlain ? new http.Agent({ keepAlive: true, maxSockets }) : new https.Agent({ keepAlive: true, maxSockets, ...given });
    this.#agents = { key: hash, calls: made(this.#callsMax), streams: made(Number.POSITIVE_INFINITY) };
    return this.#agents;
  }

  #unavailable(error: unknown): WindlassError {
    if (error instanceof WindlassError) return error;
    return new WindlassError("unavailable", `the cluster at ${this.access.server.href} does not answer: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

interface Login {
  readonly headers: http.OutgoingHttpHeaders;
  readonly auth: string | undefined;
  readonly calls: http.Agent;
  readonly streams: http.Agent;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A log, `ok` of /readyz, or a proxy in between that answers with a page.
    return text;
  }
}
