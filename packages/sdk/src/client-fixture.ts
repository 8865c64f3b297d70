/** Answers for clients without a server, and what they were asked. */
import { client, type ClientOptions } from "./client.ts";

export interface Sent {
  readonly url: string;
  readonly init: RequestInit;
  readonly headers: Readonly<Record<string, string>>;
}

/** Answers in this order, the last one again and again. Throwing stands for a lost connection. */
export function answering(...answers: readonly (() => Response | Promise<Response>)[]): {
  readonly sent: Sent[];
  readonly fetch: typeof fetch;
} {
  const sent: Sent[] = [];
  return {
    sent,
    fetch: async (url, init = {}) => {
      sent.push({ url: new Request(url).url, init, headers: init.headers as Record<string, string> });
      const answer = answers[Math.min(sent.length, answers.length) - 1];
      if (answer === undefined) throw new Error("nothing is answered");
      return answer();
    },
  };
}

/** A client that rests for no time, and for how long it would have. */
export function hasty(options: Omit<ClientOptions, "url" | "pause">) {
  const rests: number[] = [];
  return { rests, api: client({ url: "http://h", ...options, pause: async (delay) => void rests.push(delay) }) };
}

export const json = (body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });

export const busy = (headers: Readonly<Record<string, string>> = {}): Response =>
  json({ code: "unavailable", detail: "the store does not answer", status: 503 }, 503, headers);

/** What `fetch` throws when there is no connection, or no longer. */
export const lost = (code: string) => (): never => {
  throw new TypeError("fetch failed", { cause: Object.assign(new Error("connect"), { code }) });
};

export const sse = (...items: readonly (readonly [id: string, item: object])[]): Response =>
  new Response(`${items.map(([id, item]) => `id: ${id}\ndata: ${JSON.stringify(item)}\n\n`).join("")}: alive\n\n`, {
    headers: { "content-type": "text/event-stream" },
  });
