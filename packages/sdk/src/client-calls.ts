/** What a client offers, as types: the calls that follow from the operations, and the few that are made of several. */
import type { ResponseOf } from "@windlass/contract/routes";
import type { Input, JobDetailJson, Operation, Operations, Result, SubmittedJson } from "@windlass/contract";
import type { CallOptions } from "./ongoing-call.ts";
import type { AnyHandlers, HandlersByName, InputOf, SubmitOptions } from "./submit-job.ts";
import type { TailedLine, TailOptions } from "./tail-lines.ts";
import type { WaitOptions } from "./wait-for-job.ts";

type Arguments<O extends Operation> =
  Partial<Input<O>> extends Input<O> ? [input?: Input<O>, options?: CallOptions] : [input: Input<O>, options?: CallOptions];

type Call<O extends Operation, Kind> = Kind extends "json"
  ? (...given: Arguments<O>) => Promise<Result<O>>
  : Kind extends "sse"
    ? (...given: Arguments<O>) => AsyncGenerator<Result<O>>
    : (...given: Arguments<O>) => Promise<AsyncIterable<Uint8Array>>;

type ItemOf<R> = R extends { readonly items: readonly (infer Item)[] } ? Item : never;

/** Where a list comes in pages, all of it, page after page as they are needed. `limit` is the size of a page. */
type Each<Noun> = Noun extends { readonly list: infer List extends Operation }
  ? Result<List> extends { readonly nextCursor: string | null }
    ? { readonly each: (input?: Omit<Input<List>, "cursor">, options?: CallOptions) => AsyncGenerator<ItemOf<Result<List>>> }
    : unknown
  : unknown;

export type Calls = {
  readonly [Noun in keyof Operations]: {
    readonly [Verb in keyof Operations[Noun] & string]: Operations[Noun][Verb] extends Operation
      ? Call<Operations[Noun][Verb], ResponseOf<`${Noun}.${Verb}`>>
      : never;
  } & Each<Operations[Noun]>;
};

/** A handler whose input may be anything may be submitted without one. */
type SubmitArguments<I> = null extends I
  ? [input?: I, options?: SubmitOptions & CallOptions]
  : [input: I, options?: SubmitOptions & CallOptions];

export interface Client<H extends HandlersByName = AnyHandlers> extends Calls {
  /**
   * Submits a job for the handler of that name, whichever worker has it. Resolves as soon as the job is stored for good, long
   * before it has run; `created` is false when an earlier request with the same idempotency key made it.
   *
   * Rejects with `invalid` (every fault is listed), `idempotency_mismatch` (the key belongs to another request), `unreachable`.
   */
  submit<Name extends keyof H & string>(handler: Name, ...given: SubmitArguments<InputOf<H[Name]>>): Promise<SubmittedJson>;
  /**
   * Resolves with the job once it has ended, however it did: look at its `outcome`. Goes on over lost connections.
   *
   * Rejects with `not_found`, with `timed_out` after `limitMs`, with the signal's reason when it is aborted; the job goes on.
   */
  wait(id: string, options?: WaitOptions): Promise<JobDetailJson>;
  /**
   * What the job prints, line by line, from its first attempt to its last, as it comes. Goes on over lost connections without
   * losing or repeating a line; ends when the job has ended and all was read.
   *
   * Throws `not_found`, or `invalid` for a position that `tail` has not given.
   */
  tail(id: string, options?: TailOptions): AsyncGenerator<TailedLine>;
  /** Resolves when the server is up. Needs no token. Rejects with `unreachable` or `unavailable`. */
  ping(options?: CallOptions): Promise<void>;
}
