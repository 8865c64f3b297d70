/**
 * Calls over HTTP to servers of others (ports, N1 and N2). The address that is connected to is the one that was looked at: a
 * name that resolves to another one a moment later gains nothing.
 */
import { lookup as resolve, type LookupAddress } from "node:dns";
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { WindlassError } from "@windlass/kernel";
import type { Outbound, OutboundAnswer, OutboundCall } from "@windlass/ports";
import { faultOfAddress } from "./guarded-address.ts";

export interface OutboundOptions {
  /** Whether this machine and its link may be called. */
  readonly allowsLoopback: boolean;
}

/** Of an answer nothing more is read: nobody looks at it but people, for its beginning. */
const ANSWER_BYTES_MAX = 4_096;
const URL_LENGTH_MAX = 2_000;

export function outboundCalls({ allowsLoopback }: OutboundOptions): Outbound {
  const fault = (text: string): string | null => faultOfUrl(text, allowsLoopback);
  return {
    fault,
    async post(call) {
      const refused = fault(call.url);
      if (refused !== null) throw new WindlassError("forbidden", refused);
      return post(call, lookupGuarded(allowsLoopback));
    },
  };
}

function faultOfUrl(text: string, allowsLoopback: boolean): string | null {
  if (text.length > URL_LENGTH_MAX) return `the address has ${text.length} characters; ${URL_LENGTH_MAX} are allowed`;
  if (!URL.canParse(text)) return `"${text}" is no address; it must be one such as https://hooks.example.org/windlass`;
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:")
    return `the address begins with ${url.protocol}//; it must begin with https:// or http://`;
  if (url.username !== "" || url.password !== "") return "the address holds a user or a password, which would be shown; leave them out";
  const host = url.hostname.replace(/^\[|\]$/gu, "");
  if (isIP(host) !== 0) return faultOfAddress(host, allowsLoopback);
  if (!allowsLoopback && /(^|\.)localhost\.?$/u.test(host)) return `${host} is this machine, which is not called (webhooks.allowLoopback)`;
  return null;
}

/** Resolves a name and gives out what may be called; what may not is told as the reason. */
function lookupGuarded(allowsLoopback: boolean): NonNullable<RequestOptions["lookup"]> {
  return (hostname, options, answer) => {
    resolve(hostname, { ...options, all: true }, (error, found: readonly LookupAddress[]) => {
      if (error !== null) return answer(error, "", 0);
      const faults = found.map(({ address }) => faultOfAddress(address, allowsLoopback));
      const good = found.filter((_, i) => faults[i] === null);
      const [first] = good;
      if (first === undefined) {
        const why = faults.find((one) => one !== null) ?? "it has no address";
        return answer(new WindlassError("forbidden", `${hostname} is not called: ${why}`), "", 0);
      }
      if (options.all === true) return answer(null, [...good]);
      return answer(null, first.address, first.family);
    });
  };
}

function post({ url, headers, body, timeoutMs }: OutboundCall, lookup: NonNullable<RequestOptions["lookup"]>): Promise<OutboundAnswer> {
  const bytes = Buffer.from(body);
  const signal = AbortSignal.timeout(timeoutMs);
  return new Promise((resolvePost, reject) => {
    const options = { method: "POST", headers: { ...headers, "content-length": bytes.length }, lookup, signal, agent: false } as const;
    const fail = (error: Error): void => {
      reject(signal.aborted ? new WindlassError("timed_out", `it did not answer within ${timeoutMs / 1000} s`) : error);
    };
    const send = new URL(url).protocol === "https:" ? httpsRequest : httpRequest;
    const request = send(url, options, (response) => {
      beginningOf(response)
        .then((text) => resolvePost({ status: response.statusCode ?? 0, text }))
        .catch(fail)
        .finally(() => request.destroy());
    });
    request.on("error", fail);
    request.end(bytes);
  });
}

async function beginningOf(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    pieces.push(piece);
    size += piece.length;
    if (size >= ANSWER_BYTES_MAX) break;
  }
  return Buffer.concat(pieces).subarray(0, ANSWER_BYTES_MAX).toString("utf8");
}
