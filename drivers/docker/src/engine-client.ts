/**
 * Calls of the Docker Engine API, which podman answers too (https://docs.docker.com/reference/api/engine/). On `node:http`
 * over the engine's socket: what is needed is a dozen calls with JSON and two streams, while the usual client library
 * (dockerode) brings SSH, gRPC and protocol buffers along.
 */
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { join } from "node:path";
import { WindlassError } from "@windlass/kernel";
import { allBytes, type Clock } from "@windlass/ports";
import type { EngineAddress } from "./engine-address.ts";

export interface EngineAnswer {
  readonly status: number;
  readonly bytes: Buffer;
}

export interface EngineCall {
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: object | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** How long without a byte of answer; half a minute when left out. */
  readonly silentMsMax?: number;
}

/** The newest version of the API whose meaning this client knows. */
const VERSION_MAX = [1, 44] as const;
/** An engine under load takes seconds to start a container. */
const SILENT_MS_MAX = 120_000;
/** Calls at once; more wait here instead of in the engine. Streams are not counted. */
const CALLS_MAX = 16;
/** An answer that is larger is not one of the calls made here. */
const ANSWER_BYTES_MAX = 64 * 1_048_576;

export class EngineClient {
  readonly address: EngineAddress;
  readonly #clock: Clock;
  readonly #calls: http.Agent;
  readonly #streams: http.Agent;
  #version: string | null = null;

  constructor(address: EngineAddress, clock: Clock) {
    this.address = address;
    this.#clock = clock;
    const tls = address.tlsFolder;
    const made = (maxSockets: number): http.Agent =>
      tls === null
        ? new http.Agent({ keepAlive: true, maxSockets })
        : new https.Agent({ keepAlive: true, maxSockets, ...certificates(tls) });
    this.#calls = made(CALLS_MAX);
    this.#streams = made(Number.POSITIVE_INFINITY);
  }

  /** Throws `unavailable` when the engine does not answer; what it answers, also a refusal, is the answer. */
  async call(method: string, path: string, call: EngineCall = {}): Promise<EngineAnswer> {
    const response = await this.#open(method, path, { ...call, agent: this.#calls });
    const bytes = await allBytes(response as AsyncIterable<Uint8Array>, ANSWER_BYTES_MAX).catch((error: unknown) => {
      throw this.#unavailable(error);
    });
    return { status: response.statusCode ?? 0, bytes };
  }

  /** The answer as it comes; nothing is waited for once its head is there. */
  async stream(method: string, path: string, call: EngineCall = {}): Promise<http.IncomingMessage> {
    return this.#open(method, path, { ...call, agent: this.#streams });
  }

  /** What the engine says of itself. Throws `unavailable` when it does not answer within the time. */
  async version(msMax: number): Promise<{ readonly name: string; readonly version: string; readonly isPodman: boolean }> {
    const late = new AbortController();
    const cancel = this.#clock.after(msMax, () => late.abort(new Error(`no answer within ${msMax / 1000} s`)));
    try {
      const { status, bytes } = await this.call("GET", "/version", { signal: late.signal }).catch((error: unknown) => {
        // And not merely that it was aborted.
        throw late.signal.aborted ? this.#unavailable(late.signal.reason) : error;
      });
      if (status !== 200) throw this.#unavailable(new Error(`it answered ${status} when asked for its version`));
      const said = JSON.parse(bytes.toString()) as EngineVersion;
      this.#version = `/v${usable(said)}`;
      const isPodman = said.Components?.some(({ Name }) => Name.includes("Podman")) ?? false;
      return { name: isPodman ? "podman" : "Docker", version: said.Version, isPodman };
    } finally {
      cancel();
    }
  }

  close(): void {
    this.#calls.destroy();
    this.#streams.destroy();
  }

  #open(method: string, path: string, call: EngineCall & { readonly agent: http.Agent }): Promise<http.IncomingMessage> {
    const { query = {}, body, headers = {}, signal, agent, silentMsMax = SILENT_MS_MAX } = call;
    const search = new URLSearchParams(Object.entries(query).map(([key, value]): [string, string] => [key, String(value)])).toString();
    const payload = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const sort = Buffer.isBuffer(body) ? "application/x-tar" : "application/json";
    return new Promise((resolve, reject) => {
      const request = (this.address.tlsFolder === null ? http : https).request(
        {
          ...this.address.at,
          agent,
          method,
          path: `${path === "/version" ? "" : (this.#version ?? "")}${path}${search === "" ? "" : `?${search}`}`,
          headers: {
            host: "engine",
            ...headers,
            ...(payload === undefined ? {} : { "content-type": sort, "content-length": payload.length }),
          },
          ...(signal === undefined ? {} : { signal }),
          ...(silentMsMax === 0 ? {} : { timeout: silentMsMax }),
        },
        resolve,
      );
      request.on("timeout", () => request.destroy(new Error(`silent for ${silentMsMax / 1000} s`)));
      request.on("error", (error) => reject(this.#unavailable(error)));
      request.end(payload);
    });
  }

  #unavailable(error: unknown): WindlassError {
    if (error instanceof WindlassError) return error;
    const why = error instanceof Error ? error.message : String(error);
    return new WindlassError("unavailable", `the container engine at ${this.address.shown} does not answer: ${why}`, { cause: error });
  }
}

interface EngineVersion {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion?: string;
  readonly Components?: readonly { readonly Name: string }[];
}

/** The engine's own version of the API, unless that is newer than what is known here; then the oldest that both may take. */
function usable({ ApiVersion, MinAPIVersion }: EngineVersion): string {
  const known = VERSION_MAX.join(".");
  if (!isNewer(ApiVersion, known)) return ApiVersion;
  return MinAPIVersion !== undefined && isNewer(MinAPIVersion, known) ? MinAPIVersion : known;
}

function isNewer(one: string, other: string): boolean {
  const [major = 0, minor = 0] = one.split(".").map(Number);
  const [otherMajor = 0, otherMinor = 0] = other.split(".").map(Number);
  return major === otherMajor ? minor > otherMinor : major > otherMajor;
}

function certificates(folder: string): https.AgentOptions {
  const read = (name: string): Buffer => readFileSync(join(folder, name));
  return { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") };
}
