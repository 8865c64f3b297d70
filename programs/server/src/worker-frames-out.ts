/**
 * What the server says to one worker: collected within a turn of the event loop, so that what was stored together is
 * answered in one frame.
 *
 * F1. What answers the worker and has not gone out is counted (`unread`): who asks and does not read must not fill the memory.
 *     Jobs are not, for of them only so many are pushed (J1 of worker-jobs.ts).
 */
import { frameWriter, listMessages, type PushedJob, type ServerMessage } from "@windlass/contract";
import type { WebSocket } from "ws";

export interface FramesOut {
  /** About how many bytes of answers have not gone out yet. */
  readonly unread: number;
  say(message: Exclude<ServerMessage, { type: "jobs" | "acks" }>): void;
  push(jobs: readonly PushedJob[]): void;
  stored(n: number): void;
  refused(n: number, refusal: { readonly code: string; readonly why: string }): void;
  pong(data: Buffer): void;
  /** Sends now what was collected. */
  flush(): void;
}

/** What an answer takes besides its texts. */
const ANSWER_BYTES = 32;

export function framesOut(socket: WebSocket): FramesOut {
  let [unread, counted] = [0, 0];
  /** To be called when something of what was counted goes out: it is all that is before it. */
  const goesOut = (): (() => void) => {
    const bytes = counted;
    counted = 0;
    return () => void (unread -= bytes);
  };
  const count = (length: number): void => {
    unread += length + ANSWER_BYTES;
    counted += length + ANSWER_BYTES;
  };
  const write = frameWriter((text) => socket.send(text, goesOut()));
  let messages: string[] = [];
  let stored: number[] = [];
  let refused: { readonly n: number; readonly code: string; readonly why: string }[] = [];
  let planned = false;
  const plan = (): void => {
    if (planned) return;
    planned = true;
    // What is answered by the same commit is told in the microtasks before this one.
    queueMicrotask(flush);
  };
  const flush = (): void => {
    planned = false;
    if (stored.length + refused.length > 0) messages.unshift(JSON.stringify({ type: "acks", stored, refused } satisfies ServerMessage));
    const saying = messages;
    [messages, stored, refused] = [[], [], []];
    if (saying.length > 0 && socket.readyState === socket.OPEN) write(saying);
  };
  return {
    get unread() {
      return unread;
    },
    say(message) {
      const text = JSON.stringify(message);
      messages.push(text);
      count(text.length);
      plan();
    },
    push(jobs) {
      const texts = jobs.map((job) => JSON.stringify(job));
      messages.push(...listMessages({ type: "jobs", field: "jobs" }, texts));
      plan();
    },
    stored(n) {
      stored.push(n);
      count(0);
      plan();
    },
    refused(n, { code, why }) {
      refused.push({ n, code, why });
      count(code.length + why.length);
      plan();
    },
    pong(data) {
      if (socket.readyState !== socket.OPEN) return;
      count(data.length);
      socket.pong(data, false, goesOut());
    },
    flush,
  };
}
