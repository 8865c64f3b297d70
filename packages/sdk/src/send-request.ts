/** One request to the server, and what its failures mean: every one becomes a WindlassError with a code. */
import type { Ending } from "./ending.ts";
import { fetchBy, type Answer, type Asked, type Exchange } from "./exchange.ts";
import { WORKSPACE_HEADER, type Route } from "@windlass/contract/routes";
import { ERRORS, messageOf, WindlassError, type ErrorCode, type Fault, type JsonObject, type Tracing } from "@windlass/kernel";

export interface Target {
  readonly url: string;
  readonly token: string | undefined;
  readonly workspace?: string | undefined;
  /** For answers that come piece by piece. */
  readonly fetch: typeof fetch;
  /** For all other. */
  readonly exchange: Exchange;
  readonly tracing?: Pick<Tracing, "active"> | undefined;
}

/** One try to have a request answered. */
export interface Request {
  readonly route: Route;
  /** Of the call: then nobody waits for the answer. */
  readonly ending?: Ending | undefined;
  /** Fields of path, query and body together. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** In place of the fields that are not in the address, as JSON. */
  readonly body?: string | undefined;
}

/** The answer, when the server agreed. */
export function sendRequest(target: Target, request: Request): Promise<Answer> {
  return askFor(target, request, asItIs);
}

const asItIs = async (answer: Answer): Promise<Answer> => answer;

/** What is read of the answer, when the server agreed. */
export async function askFor<T>(target: Target, request: Request, read: (answer: Answer) => Promise<T>): Promise<T> {
  const asked = askedOf(target, request);
  try {
    const answer = await (request.route.response === undefined
      ? target.exchange(asked.url, asked)
      : fetchBy(target.fetch, asked.url, asked));
    if (!answer.ok) throw await refusalOf(target, answer);
    return await read(answer);
  } catch (error) {
    throw failureOf(target, request, error);
  }
}

export const jsonIn = (answer: Answer): Promise<unknown> => answer.json();

function askedOf(target: Target, request: Request): Asked & { readonly url: string } {
  const { route } = request;
  const { url, body } = partsOf(target, request);
  const headers: Record<string, string> = { accept: acceptOf(route), ...request.headers };
  if (target.token !== undefined) headers["authorization"] = `Bearer ${target.token}`;
  if (target.workspace !== undefined) headers[WORKSPACE_HEADER] = target.workspace;
  const traceparent = target.tracing?.active() ?? null;
  if (traceparent !== null) headers["traceparent"] = traceparent;
  if (body !== undefined) headers["content-type"] = route.request === "bytes" ? "application/octet-stream" : "application/json";
  return { url, method: route.method, headers, body, ending: request.ending };
}

/** Runs what talks to the server; a failure of the network becomes `unreachable`. An abort by the caller stays what it is. */
export async function reached<T>(target: Target, request: Pick<Request, "ending">, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failureOf(target, request, error);
  }
}

function failureOf(target: Target, { ending }: Pick<Request, "ending">, error: unknown): unknown {
  return error instanceof WindlassError || ending?.ended === true ? error : unreachable(target, error);
}

function unreachable({ url }: Target, error: unknown): WindlassError {
  const why = causeOf(error instanceof Error ? error : { cause: error });
  const advice = 'start one with "windlass server", or name another with --server or WINDLASS_URL';
  return new WindlassError("unreachable", `no Windlass server answers at ${url} (${why}); ${advice}`, { cause: error });
}

function partsOf(
  { url: base }: Target,
  request: Request,
): { readonly url: string; readonly body: string | Uint8Array<ArrayBuffer> | undefined } {
  const { route } = request;
  const hasBody = route.method === "POST" || route.method === "PUT";
  // Nothing of what is given goes into the address.
  if (hasBody && route.query === undefined && route.request === undefined && !route.path.includes("{"))
    return { url: base + route.path, body: request.body ?? JSON.stringify({ ...request.input }) };
  const rest = { ...request.input };
  const take = (name: string): unknown => {
    const value = rest[name];
    delete rest[name];
    return value;
  };
  const path = route.path.replace(/\{(\w+)\}/gu, (_, name: string) => segmentOf(name, take(name)));
  const query = new URLSearchParams();
  for (const name of route.query ?? []) {
    const value = take(name);
    for (const one of Array.isArray(value) ? value : value === undefined ? [] : [value]) query.append(name, String(one));
  }
  // The server refuses what it does not know, and says what is near: without a misspelt filter it would do something else.
  if (!hasBody) for (const [name, value] of Object.entries(rest)) if (value !== undefined) query.append(name, JSON.stringify(value));
  const url = base + path + (query.size === 0 ? "" : `?${query.toString()}`);
  if (route.request === "bytes") return { url, body: rest["bytes"] as Uint8Array<ArrayBuffer> };
  return { url, body: hasBody ? (request.body ?? JSON.stringify(rest)) : undefined };
}

/** An empty or dotted segment would silently address something else. */
function segmentOf(name: string, value: unknown): string {
  const text = typeof value === "string" || typeof value === "number" ? String(value) : "";
  if (text === "" || text === "." || text === "..")
    throw new WindlassError("invalid", `${name} is ${JSON.stringify(text)}, which names nothing`);
  return encodeURIComponent(text);
}

function acceptOf(route: Route): string {
  return route.response === "sse" ? "text/event-stream" : route.response === "bytes" ? "application/octet-stream" : "application/json";
}

export interface ProblemBody {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly faults?: readonly Fault[];
  readonly details?: JsonObject;
  readonly requestId?: string;
}

/** What a server that did not agree says. */
export async function refusalOf(target: Pick<Target, "url">, answer: Pick<Answer, "status" | "headers" | "text">): Promise<WindlassError> {
  const text = await answer.text().catch(() => "");
  const problem = parsed(text);
  const wait = retryAfterOf(answer);
  if (problem === undefined) {
    const code = answer.status === 503 || answer.status === 502 || answer.status === 504 ? "unavailable" : "unreachable";
    return new WindlassError(code, `what answers at ${target.url} with status ${answer.status} is no Windlass server`, { details: wait });
  }
  // Who has several servers has several tokens.
  return errorOfProblem(problem, problem.code === "unauthorized" ? { ...wait, server: target.url } : wait);
}

/** `more`: what the answer's headers tell, and who gave it. */
export function errorOfProblem(
  { code, detail, faults = [], details, requestId }: ProblemBody,
  more: { readonly retryAfterSeconds?: number; readonly server?: string } = {},
): WindlassError {
  const request = code === "internal" && requestId !== undefined ? { requestId } : {};
  return new WindlassError(code, detail, { faults, details: { ...details, ...request, ...more } });
}

/** `Retry-After` in seconds (RFC 9110); a date counts from the `Date` of the same answer, for clocks differ. */
function retryAfterOf({ headers }: Pick<Answer, "headers">): { readonly retryAfterSeconds?: number } {
  const value = headers.get("retry-after");
  if (value === null) return {};
  const seconds = /^\d+$/u.test(value) ? Number(value) : (Date.parse(value) - Date.parse(headers.get("date") ?? "")) / 1000;
  return Number.isFinite(seconds) ? { retryAfterSeconds: Math.max(0, seconds) } : {};
}

function parsed(text: string): ProblemBody | undefined {
  try {
    const body = JSON.parse(text) as Partial<ProblemBody> | null;
    return typeof body === "object" && body !== null && typeof body.detail === "string" && Object.hasOwn(ERRORS, body.code ?? "")
      ? (body as ProblemBody)
      : undefined;
  } catch {
    return undefined; // Not JSON, so not from a server of ours: the caller says so.
  }
}

/** `fetch failed` says nothing; its cause does. */
export function causeOf(error: { readonly cause?: unknown }): string {
  const { cause } = error;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
  const words: Record<string, string> = {
    ECONNREFUSED: "connection refused",
    ENOTFOUND: "unknown host",
    ECONNRESET: "connection reset",
    EHOSTUNREACH: "host unreachable",
    ETIMEDOUT: "timed out",
  };
  return (
    words[code] ?? (cause instanceof Error && cause.message !== "" ? cause.message : messageOf(error instanceof Error ? error : cause))
  );
}
