/** One message to one webhook, signed as https://www.standardwebhooks.com says. */
import { messageOf, WindlassError, WORKSPACE_SCOPE, type Sent, type Webhook } from "@windlass/kernel";
import type { Outbound } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { hmacOf } from "./hmac.ts";

/** How long a receiver has for its answer. */
const ANSWER_MS = 15_000;
/** Of what a receiver answered, for people. */
const ERROR_LENGTH_MAX = 300;
/** Before secrets whose bytes are written in base64; others are the bytes of their text. */
export const SECRET_PREFIX = "whsec_";

/** Never throws: what went wrong is the answer. */
export async function sendSigned(
  context: EngineContext,
  outbound: Outbound,
  { webhook, id, body }: { readonly webhook: Webhook; readonly id: string; readonly body: string },
): Promise<Sent> {
  const startedAt = context.clock.monotonic();
  const tookMs = (): number => Math.round(context.clock.monotonic() - startedAt);
  try {
    const secret = await signingSecretOf(context, webhook);
    const timestamp = Math.floor(context.now() / 1000);
    const headers = {
      "content-type": "application/json",
      "user-agent": "Windlass",
      "webhook-id": id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": signatureOf(secret, { id, timestamp, body }),
    };
    const { status, text, retryAfter } = await outbound.post({ url: webhook.url, headers, body, timeoutMs: ANSWER_MS });
    const isTaken = status >= 200 && status < 300;
    return {
      status,
      error: isTaken ? null : `it answered ${status}${text === "" ? "" : `: ${text.slice(0, ERROR_LENGTH_MAX)}`}`,
      tookMs: tookMs(),
      retryAfterMs: waitOf(retryAfter, context.now()),
    };
  } catch (error) {
    return { status: null, error: messageOf(error).slice(0, ERROR_LENGTH_MAX), tookMs: tookMs() };
  }
}

/** Seconds, or a date (RFC 9110, 10.2.3); undefined for anything else. */
function waitOf(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d{1,9}$/u.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

async function signingSecretOf({ store, keys }: EngineContext, { workspace, secret }: Webhook): Promise<string> {
  const [sealed] = await store.secrets.find({ workspace, scopes: [WORKSPACE_SCOPE], names: [secret] });
  if (sealed === undefined) throw new WindlassError("not_found", `there is no secret "${secret}" to sign with any more`);
  const opened = keys.open(sealed);
  if ("fault" in opened) throw new WindlassError("secret_key_missing", `the secret "${secret}" to sign with cannot be opened here`);
  return opened.value;
}

/** As https://www.standardwebhooks.com says (symmetric, v1): over id, time and body, so that none can be exchanged. */
function signatureOf(
  secret: string,
  { id, timestamp, body }: { readonly id: string; readonly timestamp: number; readonly body: string },
): string {
  const key = secret.startsWith(SECRET_PREFIX) ? Buffer.from(secret.slice(SECRET_PREFIX.length), "base64") : Buffer.from(secret);
  return `v1,${hmacOf(key, [id, String(timestamp), body])}`;
}
