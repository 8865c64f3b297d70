/** Calls whose answer is one piece of JSON, or bytes as they come. */
import type { Answer } from "./exchange.ts";
import { ongoingCall, type Caller, type CallOptions } from "./ongoing-call.ts";
import { askFor, jsonIn, reached, sendRequest, type Request } from "./send-request.ts";

export async function jsonOf(caller: Caller, request: Request, options: CallOptions): Promise<unknown> {
  return bodyOf(caller, { request, read: jsonIn }, options);
}

/** The whole call, with the answer's body, counts against its limit, and is sent again if the body breaks off. */
export async function bodyOf<T>(
  caller: Caller,
  { request, read }: { readonly request: Request; readonly read: (answer: Answer) => Promise<T> },
  options: CallOptions,
): Promise<T> {
  const call = ongoingCall(caller, options);
  try {
    return await call.carryOut(request, (attempt) => askFor(caller.target, attempt, read));
  } finally {
    call.end();
  }
}

/** Resolves when the answer has begun. */
export async function bytesOf(caller: Caller, request: Request, options: CallOptions): Promise<AsyncIterable<Uint8Array>> {
  const call = ongoingCall(caller, options);
  try {
    const answer = await call.carryOut(request, (attempt) => sendRequest(caller.target, attempt));
    call.opened();
    return pieces();
    async function* pieces(): AsyncGenerator<Uint8Array> {
      try {
        const bytes = ((answer.body ?? []) as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
        for (;;) {
          const next = await reached(caller.target, call, () => bytes.next());
          if (next.done === true) return;
          yield next.value;
        }
      } finally {
        call.end();
      }
    }
  } catch (error) {
    call.end();
    throw error;
  }
}
