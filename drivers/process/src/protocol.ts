/** What executor and supervisor say to each other: one JSON text a line, both ways, over a Unix socket. */
import type { JsonObject, StopFor } from "@windlass/kernel";
import type { EndedFact, Found, LaunchRequest } from "@windlass/ports";

/** Grows whenever one side could misunderstand the other. */
export const PROTOCOL_VERSION = 1;

export interface LaunchOrder extends LaunchRequest {
  /** Names this launch among all launches of all times. */
  readonly ref: string;
  /** What every process gets of the server's own environment. */
  readonly baseEnvironment: Readonly<Record<string, string>>;
  readonly logBytesMax: number;
  /** Of both streams together; 0 for no limit. */
  readonly logBytesPerSecondMax?: number;
}

/** What may be asked, and what is answered. */
export interface Operations {
  /** Facts follow from now on, first those of what has ended and was not forgotten. */
  hello: { readonly ask: { readonly version: number }; readonly answer: { readonly version: number; readonly pid: number } };
  /** Tells again what has ended and was not forgotten for `olderThanMs`. */
  tell: { readonly ask: { readonly olderThanMs: number }; readonly answer: null };
  launch: { readonly ask: LaunchOrder; readonly answer: { readonly ref: string } };
  find: { readonly ask: { readonly name: string }; readonly answer: Found | null };
  stop: { readonly ask: { readonly name: string; readonly graceMs: number; readonly stopFor: StopFor }; readonly answer: null };
  list: { readonly ask: JsonObject; readonly answer: readonly Found[] };
  forget: { readonly ask: { readonly name: string }; readonly answer: null };
}

export type OperationName = keyof Operations;

export type Question = {
  readonly [N in OperationName]: { readonly id: number; readonly op: N; readonly ask: Operations[N]["ask"] };
}[OperationName];

export type Message =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: string; readonly code: string | null }
  | { readonly ended: EndedFact };

export function encodeLine(message: Question | Message): string {
  return `${JSON.stringify(message)}\n`;
}

/** Cuts what arrives into lines. A character that is split between two arrivals stays whole. */
export function lineSplitter(onLine: (line: string) => void): (data: Uint8Array) => void {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  return (data) => {
    const lines = decoder.decode(data, { stream: true }).split("\n");
    for (let i = 0; i < lines.length; i++) {
      parts.push(lines[i] ?? "");
      if (i === lines.length - 1) break;
      onLine(parts.join(""));
      parts = [];
    }
  };
}
