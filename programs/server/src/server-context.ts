/** What every handler of an operation works with. */
import type { Call, Operation, Operations, ResponseOf, Result } from "@windlass/contract";
import type { CommandGate, JobsWithin } from "@windlass/engine";
import type { Expected } from "@windlass/kernel";
import type { Principal } from "./authenticate.ts";
import type { ServerParts } from "./server-parts.ts";

export interface Asking {
  readonly principal: Principal;
  /** Whose objects this call is about. Nothing of another one is there for it. */
  readonly workspace: string;
  /** The jobs of that workspace. */
  readonly jobs: JobsWithin;
  /** Whether the caller may let a job run that starts commands; what makes jobs without `jobs` asks it. */
  readonly gate: CommandGate;
  /** What a change is to find (If-Match), for operations that are conditional. */
  readonly expected: Expected;
  /** Ends when the caller has gone or the server stops. */
  readonly signal: AbortSignal;
}

/** One message of a stream. Without `id` the caller continues behind the one before; without `item` it only learns where that is. */
export type StreamItem<T> = { readonly id?: string; readonly item: T } | { readonly id: string; readonly item?: undefined };

type Answer<O extends Operation, Kind> = Kind extends "json"
  ? Promise<Result<O>>
  : Kind extends "sse"
    ? Promise<AsyncIterable<StreamItem<Result<O>>>>
    : Promise<AsyncIterable<Uint8Array>>;

/** A handler for each operation of one noun; a missing one does not compile. */
export type Handlers<Noun extends keyof Operations> = {
  readonly [Verb in keyof Operations[Noun] & string]: Operations[Noun][Verb] extends Operation
    ? (call: Call<Operations[Noun][Verb]>, asking: Asking) => Answer<Operations[Noun][Verb], ResponseOf<`${Noun}.${Verb}`>>
    : never;
};

export type AllHandlers = { readonly [Noun in keyof Operations]: Handlers<Noun> };

export type ServerContext = ServerParts & { readonly startedAt: number };
