/** Calls to servers of others (ports, N1 and N2), by the rules on addresses that the tool `http` has. */
import { isIP } from "node:net";
import { WindlassError } from "@windlass/kernel";
import type { Clock, Outbound } from "@windlass/ports";
import { NotCalled, sendRequest, type AddressRules } from "@windlass/tools";

export interface OutboundOptions {
  readonly rules: AddressRules;
  readonly clock: Pick<Clock, "after">;
}

/** Of an answer nothing more is read: nobody looks at it but people, for its beginning. */
const ANSWER_BYTES_MAX = 4_096;
const URL_LENGTH_MAX = 2_000;

export function outboundCalls({ rules, clock }: OutboundOptions): Outbound {
  const fault = (text: string): string | null => faultOfUrl(text, rules);
  return {
    fault,
    async post({ url, headers, body, timeoutMs }) {
      const refused = fault(url);
      if (refused !== null) throw new WindlassError("forbidden", refused);
      const limit = new AbortController();
      const cancel = clock.after(timeoutMs, () => limit.abort());
      const bounds = { rules, signal: limit.signal, bytesMax: ANSWER_BYTES_MAX, beginning: true };
      try {
        const { status, text, headers: told } = await sendRequest({ method: "POST", url: new URL(url), headers, body, ...bounds });
        return { status, text, retryAfter: told["retry-after"] };
      } catch (error) {
        if (limit.signal.aborted) throw new WindlassError("timed_out", `it did not answer within ${timeoutMs / 1000} s`, { cause: error });
        throw error instanceof NotCalled ? new WindlassError("forbidden", error.message, { cause: error }) : error;
      } finally {
        cancel();
      }
    },
  };
}

function faultOfUrl(text: string, rules: AddressRules): string | null {
  if (text.length > URL_LENGTH_MAX) return `the address has ${text.length} characters; ${URL_LENGTH_MAX} are allowed`;
  if (!URL.canParse(text)) return `"${text}" is no address; it must be one such as https://hooks.example.org/windlass`;
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:")
    return `the address begins with ${url.protocol}//; it must begin with https:// or http://`;
  if (url.username !== "" || url.password !== "") return "the address holds a user or a password, which would be shown; leave them out";
  const host = url.hostname.replace(/^\[|\]$/gu, "");
  return rules.nameFault(host) ?? (isIP(host) === 0 ? null : rules.addressFault(host, host));
}
