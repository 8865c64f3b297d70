/**
 * One HTTP request to an address that may be called. The address that is connected to is the one that was looked at: a name
 * that means another one a moment later gains nothing.
 */
import { lookup as resolve, type LookupAddress } from "node:dns";
import { request as overHttp, type IncomingMessage, type RequestOptions } from "node:http";
import { request as overHttps } from "node:https";
import { isIP } from "node:net";
import type { AddressRules } from "./address-rules.ts";

export interface Sending {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly rules: AddressRules;
  readonly signal: AbortSignal;
  /** Of the answer's body; what is longer is an error, unless only its beginning is wanted. */
  readonly bytesMax: number;
  readonly beginning?: boolean;
}

export interface Received {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** What the rules do not allow: trying again cannot help. */
export class NotCalled extends Error {
  override name = "NotCalled";
}

/** An answer that is larger than its step takes. */
export class TooLarge extends Error {
  override name = "TooLarge";
}

export async function sendRequest({ method, url, headers, body, rules, signal, bytesMax, beginning = false }: Sending): Promise<Received> {
  const host = url.hostname.replace(/^\[|\]$/gu, "");
  const fault = rules.nameFault(host) ?? (isIP(host) === 0 ? null : rules.addressFault(host, host));
  if (fault !== null) throw new NotCalled(fault);
  const send = url.protocol === "https:" ? overHttps : overHttp;
  const length = body === null ? {} : { "content-length": String(Buffer.byteLength(body)) };
  return new Promise<Received>((answer, reject) => {
    const options = { method, headers: { ...headers, ...length }, lookup: guardedLookup(rules), signal, agent: false } as const;
    const request = send(url, options, (response) => {
      readBody(response, { bytesMax, beginning })
        .then((text) =>
          answer({ status: response.statusCode ?? 0, statusText: response.statusMessage ?? "", headers: headersOf(response), text }),
        )
        .catch(reject)
        .finally(() => request.destroy());
    });
    request.on("error", reject);
    request.end(body ?? undefined);
  });
}

function guardedLookup(rules: AddressRules): NonNullable<RequestOptions["lookup"]> {
  return (hostname, options, answer) => {
    resolve(hostname, { ...options, all: true }, (error, found: readonly LookupAddress[]) => {
      if (error !== null) return answer(error, "", 0);
      const faults = found.map(({ address }) => rules.addressFault(address, hostname));
      const good = found.filter((_, index) => faults[index] === null);
      const [first] = good;
      if (first === undefined) return answer(new NotCalled(`${hostname}: ${faults[0] ?? "it has no address"}`), "", 0);
      return options.all === true ? answer(null, [...good]) : answer(null, first.address, first.family);
    });
  };
}

async function readBody(
  response: IncomingMessage,
  { bytesMax, beginning }: Required<Pick<Sending, "bytesMax" | "beginning">>,
): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > bytesMax && !beginning) throw new TooLarge(`its answer is larger than ${bytesMax} bytes`);
    pieces.push(piece);
    if (size > bytesMax) break;
  }
  return Buffer.concat(pieces).subarray(0, bytesMax).toString("utf8");
}

/** Without cookies: they are credentials, and an output is read by many. */
function headersOf({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || name === "set-cookie" ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]],
    ),
  );
}
