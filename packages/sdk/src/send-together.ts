/**
 * Some submits as one request, and to each its own answer.
 *
 * T1. Each has the answer, or the error, that it would have had alone. What refuses all of them is found out by sending them
 *     apart: those that it is about get to know it, the others go on without them.
 * T2. Nothing happens twice: each has a key of its own, which it keeps, and decides for itself whether it is sent again
 *     (ongoing-call.ts, C1). From here it is sent again only if nothing of it was done, or under its key.
 * T3. A request that nobody waits for any more is cut.
 */
import { ROUTES } from "@windlass/contract/routes";
import { hasCode, isWindlassError, WindlassError } from "@windlass/kernel";
import { Ending } from "./ending.ts";
import { askFor, errorOfProblem, jsonIn, type ProblemBody, type Request, type Target } from "./send-request.ts";

/** One try of a submit. */
export interface Submitting {
  readonly attempt: Request;
  /** Its fields as JSON. */
  readonly text: string;
  /** The span that it belongs to. */
  readonly traceparent: string | null;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What the server answers to one of many. */
type Answered = { readonly id: string } | { readonly problem: ProblemBody };

const KEY_HEADER = "idempotency-key";
/** Means the same in a header and in a body. */
const KEY = /^[\x21-\x7e]{1,255}$/u;

export const isWanted = ({ attempt }: Submitting): boolean => attempt.ending?.ended !== true;

/** Whether a batch can say all that it says; what only the server can judge is left to it. */
export function isGatherable({ attempt: { headers = {}, input } }: Submitting): boolean {
  const key = headers[KEY_HEADER];
  const isOnly = Object.keys(headers).length === (key === undefined ? 0 : 1);
  return isOnly && (key === undefined || (KEY.test(key) && input["idempotencyKey"] === undefined));
}

/** Never rejects: each is told its own. */
export async function sendTogether(target: Target, together: readonly Submitting[]): Promise<void> {
  const wanted = together.filter(isWanted);
  const [first] = wanted;
  if (first === undefined) return;
  if (wanted.length === 1) return sendAlone(target, first);
  const { ending, forget } = whileAnyIsWanted(wanted);
  try {
    const answers = await answersTo(target, wanted, ending);
    for (const [index, one] of wanted.entries()) settle(one, answers[index] as Answered);
  } catch (error) {
    await sendApart(target, wanted, error);
  } finally {
    forget();
  }
}

function sendAlone(target: Target, { attempt, text, traceparent, resolve, reject }: Submitting): Promise<void> {
  const { route, input, ending } = attempt;
  const headers = traceparent === null ? attempt.headers : { ...attempt.headers, traceparent };
  return askFor(target, { route, input, ending, body: text, headers }, jsonIn).then(resolve, reject);
}

/** It ends when all of them have ended (T3). */
function whileAnyIsWanted(together: readonly Submitting[]): { readonly ending: Ending; readonly forget: () => void } {
  const ending = new Ending();
  let left = together.length;
  const leave = (reason: unknown): void => {
    if (--left === 0) ending.end(reason);
  };
  const each = together.map(({ attempt }) => attempt.ending?.onEnd(leave));
  return {
    ending,
    forget: () => {
      for (const forget of each) forget?.();
    },
  };
}

async function answersTo(target: Target, together: readonly Submitting[], ending: Ending): Promise<readonly Answered[]> {
  const body = `{"withJobs":true,"jobs":[${together.map(textWithKey).join(",")}]}`;
  const traceparent = together[0]?.traceparent ?? null;
  const headers = traceparent === null ? undefined : { traceparent };
  const request: Request = { route: ROUTES["jobs.submitMany"], input: {}, body, ending, headers };
  const { results } = (await askFor(target, request, jsonIn)) as { readonly results: readonly Answered[] };
  if (!Array.isArray(results) || results.length !== together.length)
    throw new WindlassError("unreachable", `what answers at ${target.url} does not answer each of ${together.length} jobs`);
  return results;
}

function textWithKey({ attempt, text }: Submitting): string {
  const key = attempt.headers?.[KEY_HEADER];
  if (key === undefined) return text;
  const fields = text.slice(1, -1);
  return `{"idempotencyKey":${JSON.stringify(key)}${fields === "" ? "" : `,${fields}`}}`;
}

function settle({ resolve, reject }: Submitting, answered: Answered): void {
  if ("problem" in answered) reject(errorOfProblem(answered.problem));
  else resolve(answered);
}

/** What one of them may be the cause of is found out by sending them apart; the rest is the same for each (T1, T2). */
async function sendApart(target: Target, together: readonly Submitting[], error: unknown): Promise<void> {
  if (hasCode(error, "too_large")) {
    const middle = Math.ceil(together.length / 2);
    // In order, as they would have been stored.
    await sendTogether(target, together.slice(0, middle));
    return sendTogether(target, together.slice(middle));
  }
  const nothingDone = hasCode(error, "invalid") || hasCode(error, "bad_request");
  const isSafe = (one: Submitting): boolean => nothingDone || (hasCode(error, "internal") && isKeyed(one));
  for (const one of together) if (!isSafe(one)) one.reject(ownCopyOf(error));
  await Promise.all(partsOf(together.filter(isSafe), error).map((part) => sendTogether(target, part)));
}

const isKeyed = ({ attempt: { headers, input } }: Submitting): boolean =>
  headers?.[KEY_HEADER] !== undefined || input["idempotencyKey"] !== undefined;

/** Those that the error names, each alone, and the rest; all alone if it names none. */
function partsOf(together: readonly Submitting[], error: unknown): readonly (readonly Submitting[])[] {
  const named = new Set(isWindlassError(error) ? error.faults.map(({ path }) => Number(/^jobs\[(\d+)\]/u.exec(path)?.[1] ?? NaN)) : []);
  const isNamed = (_one: Submitting, index: number): boolean => named.has(index);
  const alone = together.some(isNamed) ? together.filter(isNamed) : together;
  const rest = together.filter((one) => !alone.includes(one));
  return [...alone.map((one) => [one]), rest];
}

function ownCopyOf(error: unknown): unknown {
  if (!isWindlassError(error)) return error;
  const { code, message, faults, details, cause } = error;
  return new WindlassError(code, message, { faults, details, cause });
}
