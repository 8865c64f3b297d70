/** The calls of a container engine that attempts need, in our words. What an engine refuses comes back with its message. */
import type { IncomingMessage } from "node:http";
import { WindlassError } from "@windlass/kernel";
import { allBytes } from "@windlass/ports";
import { timeOfEnd } from "./container-ending.ts";
import type { EngineAnswer, EngineClient } from "./engine-client.ts";

export type ContainerState = "created" | "running" | "ended";

export interface ContainerFacts {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: ContainerState;
}

export interface ContainerDetails extends ContainerFacts {
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** What the engine says went wrong. */
  readonly error: string;
  /** 0: it never started. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** The signal by which its image wants to be stopped. */
  readonly stopSignal: string;
  /** `NAME=value`. */
  readonly environment: readonly string[];
}

export interface Refused {
  readonly status: number;
  readonly message: string;
}

/** What lies in a container of ours, for all of one place. */
export const LABELS = {
  place: "windlass.dev/place",
  job: "windlass.dev/job-id",
  attempt: "windlass.dev/attempt",
  managedBy: "app.kubernetes.io/managed-by",
} as const;

export class ContainerEngine {
  readonly client: EngineClient;

  constructor(client: EngineClient) {
    this.client = client;
  }

  async hasImage(image: string): Promise<boolean> {
    const answer = await this.client.call("GET", `/images/${encodeImage(image)}/json`);
    if (answer.status === 200) return true;
    // Also of what is no name of an image: the pull says so.
    if (answer.status < 500) return false;
    throw refusal(answer, `looking for the image ${image}`);
  }

  /** Gives the id; `refused` for what cannot be made. */
  async create(name: string, body: object): Promise<{ readonly id: string } | { readonly refused: Refused }> {
    const answer = await this.client.call("POST", "/containers/create", { query: { name }, body });
    if (answer.status === 201) return { id: (json(answer) as { Id: string }).Id };
    return { refused: refusedOf(answer) };
  }

  /** Null: it runs, or has run. */
  async start(id: string): Promise<Refused | null> {
    const answer = await this.client.call("POST", `/containers/${id}/start`);
    return answer.status < 400 ? null : refusedOf(answer);
  }

  /** False: it does not run. */
  async kill(id: string, signal: string): Promise<boolean> {
    const answer = await this.client.call("POST", `/containers/${id}/kill`, { query: { signal } });
    if (answer.status < 300) return true;
    if (answer.status === 404 || answer.status === 409 || /not running|only kill running/iu.test(refusedOf(answer).message)) return false;
    throw refusal(answer, `sending ${signal} to the container ${id}`);
  }

  async inspect(idOrName: string): Promise<ContainerDetails | null> {
    const answer = await this.client.call("GET", `/containers/${idOrName}/json`);
    if (answer.status === 404) return null;
    if (answer.status !== 200) throw refusal(answer, `looking at the container ${idOrName}`);
    return detailsOf(json(answer) as Inspected);
  }

  async list(place: string): Promise<readonly ContainerFacts[]> {
    const filters = JSON.stringify({ label: [`${LABELS.place}=${place}`] });
    const answer = await this.client.call("GET", "/containers/json", { query: { all: true, filters } });
    if (answer.status !== 200) throw refusal(answer, "listing containers");
    return (json(answer) as readonly Listed[]).map(({ Id, Names, Labels, State }) => ({
      id: Id,
      name: (Names[0] ?? "").replace(/^\//u, ""),
      labels: Labels,
      state: stateOf(State),
    }));
  }

  /** Gone, whatever it did; also fine for one that never was. */
  async remove(idOrName: string): Promise<void> {
    const answer = await this.client.call("DELETE", `/containers/${idOrName}`, { query: { force: true, v: true } });
    if (answer.status >= 300 && answer.status !== 404) throw refusal(answer, `removing the container ${idOrName}`);
  }

  async putFiles(id: string, tar: Buffer): Promise<Refused | null> {
    const answer = await this.client.call("PUT", `/containers/${id}/archive`, { query: { path: "/" }, body: tar });
    return answer.status < 300 ? null : refusedOf(answer);
  }

  /** As a tar archive; null when it is not there. */
  async getFile(id: string, path: string): Promise<IncomingMessage | null> {
    const response = await this.client.stream("GET", `/containers/${id}/archive`, { query: { path } });
    if (response.statusCode === 200) return response;
    response.resume();
    return null;
  }

  /** What containers of a place do, one JSON object a line. */
  async events(place: string, signal: AbortSignal): Promise<IncomingMessage> {
    const filters = JSON.stringify({ type: ["container"], label: [`${LABELS.place}=${place}`] });
    const response = await this.client.stream("GET", "/events", { query: { filters }, signal, silentMsMax: 0 });
    return opened(response, "following events");
  }

  /** Both streams from the beginning, in frames (log-frames.ts), each with its time. */
  async logs(id: string, follow: boolean, signal: AbortSignal): Promise<IncomingMessage> {
    const query = { stdout: true, stderr: true, timestamps: true, follow };
    const response = await this.client.stream("GET", `/containers/${id}/logs`, { query, signal, ...(follow ? { silentMsMax: 0 } : {}) });
    return opened(response, `reading the log of the container ${id}`);
  }

  /** The pull as it goes, one JSON object a line; a refusal before it begins is one too. */
  async pull(image: string, signal: AbortSignal, auth: string | null): Promise<IncomingMessage | { readonly refused: Refused }> {
    const { name, tag } = splitImage(image);
    const headers: Record<string, string> = auth === null ? {} : { "x-registry-auth": auth };
    const response = await this.client.stream("POST", "/images/create", {
      query: { fromImage: name, tag },
      headers,
      signal,
      silentMsMax: 0,
    });
    if (response.statusCode === 200) return response;
    return { refused: refusedOf({ status: response.statusCode ?? 0, bytes: await refusalText(response) }) };
  }
}

/** Without a tag an engine would pull all there are. */
export function splitImage(image: string): { readonly name: string; readonly tag: string } {
  const digest = image.indexOf("@");
  if (digest > 0) return { name: image.slice(0, digest).replace(/:[^/:]*$/u, ""), tag: image.slice(digest + 1) };
  const colon = image.lastIndexOf(":");
  if (colon > image.lastIndexOf("/")) return { name: image.slice(0, colon), tag: image.slice(colon + 1) };
  return { name: image, tag: "latest" };
}

interface Listed {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly State: string;
}

interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly Config: {
    readonly Labels: Readonly<Record<string, string>> | null;
    readonly StopSignal?: string | number;
    readonly Env?: readonly string[] | null;
  };
  readonly State: {
    readonly Status: string;
    readonly ExitCode: number;
    readonly OOMKilled: boolean;
    readonly Error: string;
    readonly StartedAt: string;
    readonly FinishedAt: string;
  };
}

function detailsOf({ Id, Name, Config, State }: Inspected): ContainerDetails {
  const stop = String(Config.StopSignal ?? "");
  const startedAt = timeOf(State.StartedAt);
  return {
    id: Id,
    name: Name.replace(/^\//u, ""),
    labels: Config.Labels ?? {},
    state: stateOf(State.Status),
    exitCode: State.ExitCode,
    oomKilled: State.OOMKilled,
    error: State.Error,
    startedAt,
    endedAt: timeOfEnd(startedAt, timeOf(State.FinishedAt)),
    environment: Config.Env ?? [],
    stopSignal: stop === "" || stop === "0" ? "SIGTERM" : stop,
  };
}

/** One that is being restarted, paused or stopped has not ended; one that is being removed has. */
function stateOf(status: string): ContainerState {
  switch (status) {
    case "created":
    case "initialized":
    case "configured":
      return "created";
    case "exited":
    case "dead":
    case "stopped":
    case "removing":
      return "ended";
    default:
      return "running";
  }
}

/** Engines write the year 1 for never. */
function timeOf(text: string): number {
  const at = Date.parse(text);
  return Number.isNaN(at) || at < 0 ? 0 : at;
}

/** Names of images have slashes, which are parts of the path. */
function encodeImage(image: string): string {
  return image.split("/").map(encodeURIComponent).join("/");
}

function json(answer: EngineAnswer): unknown {
  return JSON.parse(answer.bytes.toString());
}

function refusedOf({ status, bytes }: EngineAnswer): Refused {
  const text = bytes.toString().trim();
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return { status, message: typeof message === "string" ? message : text };
  } catch {
    // Not JSON: the text is the message.
    return { status, message: text };
  }
}

function refusal(answer: EngineAnswer, doing: string): WindlassError {
  const { status, message } = refusedOf(answer);
  return new WindlassError("unavailable", `${doing}: the container engine answered ${status}: ${message}`);
}

async function opened(response: IncomingMessage, doing: string): Promise<IncomingMessage> {
  if (response.statusCode === 200) return response;
  throw refusal({ status: response.statusCode ?? 0, bytes: await refusalText(response) }, doing);
}

/** More than a sentence is no refusal of an engine. */
const REFUSAL_BYTES_MAX = 1_048_576;

function refusalText(response: IncomingMessage): Promise<Buffer> {
  return allBytes(response as AsyncIterable<Uint8Array>, REFUSAL_BYTES_MAX);
}
