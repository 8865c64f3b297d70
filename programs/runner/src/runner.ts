/**
 * One runner: a worker of the queue of its execution, for as long as there is something to do in it. What comes next is
 * decided by the server, which makes another runner when a step is ready and none is there.
 *
 * E1. It ends with 0 when nothing was to do for a moment, however the steps went: their ends are stored, and its own says
 *     nothing about them. An environment that is not as it must be ends it with 1, a server that does not answer or does not
 *     let it in with 75, and its last line says why.
 * E2. Told to end, it stops its steps, tells the server that they are lost, and is gone within 25 s; a second signal adds
 *     nothing, and one that comes when it is done already changes nothing.
 * E3. Once it was let in it does not leave while the server is away, or while the server has not taken what its steps came to, and
 *     its steps go on: it waits as long as its time limit, which its executor keeps. A server that lets it in no more has given it up:
 *     its steps are another one's, so it stops them, says so, and ends with 75.
 */
import {
  endedAs,
  HTTP_HANDLER,
  lostWith,
  messageOf,
  RUNNER_CONCURRENCY,
  RUNNER_EXIT,
  seconds,
  SHELL_HANDLER,
  type Handler,
} from "@windlass/kernel";
import type { Clock } from "@windlass/ports";
import { worker } from "@windlass/sdk";
import { httpTool, type AddressRules } from "@windlass/tools";
import { givenSecret, givenStep } from "./given-step.ts";
import { runShell } from "./shell-step.ts";
import { surroundingsOf, type Environment } from "./surroundings.ts";

export interface RunnerOptions {
  readonly environment: Environment;
  readonly clock: Clock;
  /** Which addresses its steps may call. */
  readonly rules: AddressRules;
  /** How long it may be out of touch before the server looks whether it lives. */
  readonly sessionTtlMs: number;
  /** Resolves with the name of the first signal that asks for an end. */
  readonly asked: Promise<string>;
  readonly say: (line: string) => void;
}

/** How long a server that does not answer is tried for. */
const CONNECT_MS: number = seconds(30);
/** A step follows the one before within this time, also on a busy server. */
const IDLE_MS: number = seconds(1);
/** It was made because a step is ready: the first one may be gone by now, but not for long. */
const FIRST_MS: number = seconds(5);
/** How long steps may take to end once it is told to end: with what follows less than 25 s. */
const DRAIN_MS: number = seconds(12);

const GIVEN_UP = "the server lets this runner in no more: its steps are another one's, and what they came to here since then is not taken";

/** Resolves with the exit code. */
export async function runner({ environment, clock, rules, sessionTtlMs, asked, say }: RunnerOptions): Promise<number> {
  const around = surroundingsOf(environment);
  if ("faults" in around) {
    say(`the runner cannot work: ${around.faults.join("; ")}`);
    return RUNNER_EXIT.misled;
  }
  const { url, token, queue } = around;
  const { promise: over, resolve: end } = Promise.withResolvers<number>();
  const terminated = new AbortController();
  const idle = idleWatch(clock, { mayLeave: () => one.state === "connected" && one.unanswered === 0, idle: () => end(RUNNER_EXIT.well) });
  const one = worker({
    url,
    token,
    queue,
    handlers: handlersOf({ environment, clock, rules, terminated: terminated.signal, busy: (work) => idle.busy(work) }),
    concurrency: RUNNER_CONCURRENCY,
    drainMs: DRAIN_MS,
    sessionTtlMs,
    keepsSession: true,
    onNotice: ({ level, message, jobId }) => {
      say(`${level}: ${jobId === undefined ? "" : `${jobId}: `}${message}`);
      // What it was refused for good it would be refused again; the next runner has another token.
      if (level === "error" && jobId === undefined) giveUp();
    },
  });
  let isGivenUp = false;
  const giveUp = (): void => {
    isGivenUp = true;
    terminated.abort(new Error(GIVEN_UP));
    end(RUNNER_EXIT.unavailable);
  };
  void asked.then((signal) => {
    say(`terminated by ${signal}`);
    terminated.abort(new Error(`terminated by ${signal}`));
    end(RUNNER_EXIT.terminated);
  });
  let wasLetIn = false;
  const cancelConnect = clock.after(CONNECT_MS, () => {
    if (wasLetIn) return;
    say(`the runner cannot work: no server answered at ${url} for ${CONNECT_MS / 1_000} s`);
    end(RUNNER_EXIT.unavailable);
  });
  const started = one.start().then(
    () => {
      wasLetIn = true;
      idle.begin(FIRST_MS);
    },
    (error: unknown) => {
      say(`the runner cannot work: ${messageOf(error)}`);
      end(RUNNER_EXIT.unavailable);
    },
  );
  const code = await over;
  cancelConnect();
  idle.stop();
  await one.stop();
  await started;
  if (isGivenUp) say(GIVEN_UP);
  return code;
}

interface Handling {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly rules: AddressRules;
  /** Aborted when the runner is to end. */
  readonly terminated: AbortSignal;
  readonly busy: <T>(work: () => Promise<T>) => Promise<T>;
}

function handlersOf({ environment, clock, rules, terminated, busy }: Handling): Readonly<Record<string, Handler>> {
  /** What ends because the runner does, is lost, whatever it came to. */
  const carried =
    (handler: Handler): Handler =>
    (context) =>
      busy(async () => {
        const signal = AbortSignal.any([context.signal, terminated]);
        try {
          const answer = await handler({ ...context, signal });
          return terminated.aborted && !context.signal.aborted ? lostWith(messageOf(terminated.reason)) : answer;
        } catch (error) {
          if (terminated.aborted && !context.signal.aborted) return lostWith(messageOf(terminated.reason));
          throw error;
        }
      });
  return {
    [SHELL_HANDLER]: carried(async (context) => endedAs(await runShell(givenStep(context.input), context, { environment, clock }))),
    [HTTP_HANDLER]: carried((context) => {
      const step = givenStep(context.input);
      const secretOf = async (_jobId: string, alias: string): Promise<string> => givenSecret(step, alias);
      return httpTool({ rules, secretOf, now: () => clock.now() })({ ...context, input: step.input });
    }),
  };
}

interface Idle {
  /** False: it is looked at again a moment later (E3). */
  readonly mayLeave: () => boolean;
  readonly idle: () => void;
}

/** Calls `idle` when nothing was carried out for a moment. */
function idleWatch(clock: Clock, { mayLeave, idle }: Idle) {
  let [running, cancel]: [number, () => void] = [0, () => {}];
  const begin = (ms: number): void => {
    cancel();
    if (running === 0) cancel = clock.after(ms, () => (mayLeave() ? idle() : begin(IDLE_MS)));
  };
  return {
    begin,
    stop: () => cancel(),
    async busy<T>(work: () => Promise<T>): Promise<T> {
      running++;
      cancel();
      try {
        return await work();
      } finally {
        running--;
        begin(IDLE_MS);
      }
    },
  };
}
