/**
 * The tool `http`: one request, its answer as output. A handler like any other, but for secrets, which it gets by alias.
 *
 * H1. An answer whose status is not expected fails the attempt. What may pass (429, 503 …) is tried again as the job's
 *     policy says, at the time that `Retry-After` names; anything else is never tried again, for it would be the same.
 * H2. Nothing is called that the rules of addresses do not allow, also not by a redirect.
 * H3. Credentials go to the host that they are for, and into no message.
 */
import {
  failForGood,
  invalidInput,
  isJsonObject,
  messageOf,
  retryAfter,
  type Answer,
  type HandlerContext,
  type Json,
  type JsonObject,
} from "@windlass/kernel";
import type { AddressRules } from "./address-rules.ts";
import { NotCalled, sendRequest, TooLarge, type Received } from "./send-request.ts";

export interface HttpToolOptions {
  readonly rules: AddressRules;
  /** The value of a secret of this job. Throws an Error that says what is wrong. */
  readonly secretOf: (jobId: string, alias: string) => Promise<string>;
  readonly now: () => number;
}

/** What a request is, as the input of its job. */
interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly auth: string | null;
  readonly expected: readonly number[] | null;
  readonly retryStatus: readonly number[];
  readonly bytesMax: number;
}

/** Redirects that are followed: more are a circle. */
const REDIRECTS_MAX = 5;
/** A server that asks for more patience than this is down. */
const RETRY_AFTER_MS_MAX = 3_600_000;
/** How much of an answer a message shows. */
const SHOWN_MAX = 300;

export function httpTool(options: HttpToolOptions): (context: HandlerContext) => Promise<Json | Answer> {
  return async (context) => {
    const request = readRequest(context.input);
    if (typeof request === "string") return invalidInput(request);
    try {
      return answerOf(request, await follow(request, { ...options, context }), options.now());
    } catch (error) {
      if (error instanceof NotCalled || error instanceof TooLarge) return failForGood(`${nameOf(request)}: ${error.message}`);
      if (error instanceof SecretFault) return invalidInput(error.message);
      throw new Error(`${nameOf(request)}: ${messageOf(error)}`, { cause: error });
    }
  };
}

class SecretFault extends Error {
  override name = "SecretFault";
}

interface Following extends HttpToolOptions {
  readonly context: HandlerContext;
}

/** Redirects are followed where repeating is harmless; others are answers like any other. */
async function follow(request: HttpRequest, { rules, secretOf, context }: Following): Promise<Received> {
  let url = new URL(request.url);
  let headers = { ...request.headers, ...(await credentials(request, { secretOf, context })) };
  const mayFollow = request.method === "GET" || request.method === "HEAD";
  for (let redirects = 0; ; redirects++) {
    context.log(`${request.method} ${url.origin}${url.pathname}`);
    const { method, body, bytesMax } = request;
    const received = await sendRequest({ method, url, headers, body, rules, signal: context.signal, bytesMax });
    context.log(`${received.status} ${received.statusText}`.trim());
    const location = received.headers["location"];
    if (!mayFollow || location === undefined || ![301, 302, 303, 307, 308].includes(received.status)) return received;
    if (redirects === REDIRECTS_MAX) throw new NotCalled(`more than ${REDIRECTS_MAX} redirects`);
    const next = new URL(location, url);
    if (next.protocol !== "https:" && next.protocol !== "http:") throw new NotCalled(`it redirects to ${next.protocol}//`);
    // Whoever else is asked gets no credentials (H3).
    if (next.origin !== url.origin) headers = withoutCredentials(headers);
    url = next;
  }
}

async function credentials(
  { auth }: HttpRequest,
  { secretOf, context }: Pick<Following, "secretOf" | "context">,
): Promise<Record<string, string>> {
  if (auth === null) return {};
  try {
    const secret = await secretOf(context.jobId, auth);
    return { authorization: /^[A-Za-z-]+ /u.test(secret) ? secret : `Bearer ${secret}` };
  } catch (error) {
    throw new SecretFault(messageOf(error), { cause: error });
  }
}

function withoutCredentials(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !["authorization", "cookie", "proxy-authorization"].includes(name.toLowerCase())),
  );
}

function answerOf(request: HttpRequest, received: Received, now: number): Json | Answer {
  const { status, headers, text } = received;
  if (request.expected === null ? status >= 200 && status < 300 : request.expected.includes(status)) {
    return { status, headers: { ...headers }, body: /\bjson\b/iu.test(headers["content-type"] ?? "") ? jsonOf(text) : text };
  }
  const shown = text.trim().slice(0, SHOWN_MAX);
  const message = `${nameOf(request)} answered ${status} ${received.statusText}`.trim() + (shown === "" ? "" : `: ${shown}`);
  if (!request.retryStatus.includes(status)) return failForGood(message);
  const wait = retryAfterOf(headers["retry-after"], now);
  if (wait === null) throw new Error(message);
  return wait > RETRY_AFTER_MS_MAX
    ? failForGood(`${message} (it asks to wait for ${Math.round(wait / 1000)} s)`)
    : retryAfter(wait, message);
}

/** Seconds or a date (RFC 9110, 10.2.3). */
function retryAfterOf(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  if (/^\d+$/u.test(text.trim())) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

/** What says that it is JSON and is not stays text: the step that reads it says so. */
function jsonOf(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** Without what comes behind a `?`: it may hold what should not be shown. */
function nameOf({ method, url }: HttpRequest): string {
  const { origin, pathname } = new URL(url);
  return `${method} ${origin}${pathname}`;
}

const BYTES_MAX = 1_048_576;
const METHOD = /^[A-Z]{3,10}$/u;

/** The request, or what is wrong with it. */
function readRequest(input: Json): HttpRequest | string {
  const given: JsonObject = isJsonObject(input) ? input : {};
  const { method = "GET", url, headers = {}, body = null, auth = null, expected = null, retryStatus = [], bytesMax = BYTES_MAX } = given;
  if (typeof method !== "string" || !METHOD.test(method)) return `method: expected GET, POST …, found ${JSON.stringify(method)}`;
  if (typeof url !== "string" || !URL.canParse(url))
    return `url: expected an address such as https://example.org/, found ${JSON.stringify(url ?? null)}`;
  const { protocol, username, password } = new URL(url);
  if (protocol !== "https:" && protocol !== "http:") return `url: it begins with ${protocol}//; http:// and https:// can be called`;
  if (username !== "" || password !== "")
    return "url: it holds a user or a password, which would be shown; use `auth` with the alias of a secret";
  if (!isJsonObject(headers) || !Object.values(headers).every((value) => typeof value === "string"))
    return "headers: expected texts by name";
  if (body !== null && typeof body !== "string") return "body: expected text";
  if (auth !== null && typeof auth !== "string") return "auth: expected the alias of a secret";
  if (expected !== null && !isNumbers(expected)) return "expected: expected a list of numbers";
  if (!isNumbers(retryStatus)) return "retryStatus: expected a list of numbers";
  if (typeof bytesMax !== "number" || !(bytesMax > 0) || bytesMax > BYTES_MAX) return `bytesMax: expected at most ${BYTES_MAX}`;
  return { method, url, headers: headers as Record<string, string>, body, auth, expected, retryStatus, bytesMax };
}

function isNumbers(value: Json): value is readonly number[] {
  return Array.isArray(value) && value.every((one) => typeof one === "number");
}
