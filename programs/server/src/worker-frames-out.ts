/**
 * What the server says to one worker: collected within a turn of the event loop, so that what was stored together is
 * answered in one frame.
 */
import { frameWriter, listMessages, type PushedJob, type ServerMessage } from "@windlass/contract";
import type { WebSocket } from "ws";

export interface FramesOut {
  say(message: Exclude<ServerMessage, { type: "jobs" | "acks" }>): void;
  push(jobs: readonly PushedJob[]): void;
  stored(n: number): void;
  refused(n: number, refusal: { readonly code: string; readonly why: string }): void;
  /** Sends now what was collected. */
  flush(): void;
}

export function framesOut(socket: WebSocket): FramesOut {
  const write = frameWriter((text) => socket.send(text));
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
    say(message) {
      messages.push(JSON.stringify(message));
      plan();
    },
    push(jobs) {
      const texts = jobs.map((job) => JSON.stringify(job));
      messages.push(...listMessages({ type: "jobs", field: "jobs" }, texts));
      plan();
    },
    stored(n) {
      stored.push(n);
      plan();
    },
    refused(n, { code, why }) {
      refused.push({ n, code, why });
      plan();
    },
    flush,
  };
}
