/**
 * Which dead letters of notices are sent again, and their sending.
 *
 * V1. Who redrives a letter vouches for it: it is signed anew. So he needs what he would need to run the workflow himself, and
 *     those that were not signed well are only redriven by who names them, or that as their reason. What a letter says that it died of
 *     proves nothing: it may die before anybody looks at its signature, and others may write to the queue. So that is looked at.
 * V2. All of them are looked at, and whoever may refuse is asked, before the first is sent again.
 * V3. What fits and is not sent is told, with why.
 */
import { hasCode, messageOf, type NoticeFault } from "@windlass/kernel";
import { RETRY_DELAY_MS_MAX, type DeadNotice, type NoticeAttributes, type Notices, type Redrive, type Redriving } from "@windlass/ports";
import type { CommandGate } from "./command-gate.ts";
import type { EngineContext } from "./context.ts";
import { disabledAmong } from "./disabled-definitions.ts";
import type { SignatureFault } from "./notice-signatures.ts";
import { leftTally, type LettersLeft } from "./letters-left.ts";
import { letterIdOf, through, type Chosen, type NoticeLetter, type NoticeLetterFilter } from "./notice-letter.ts";
import type { NoticeOptions } from "./notice-receiver.ts";
import { recordOf } from "./submit.ts";

export interface RedriveRequest {
  readonly gate: CommandGate;
  /** How many are to start in a second; null: as soon as they can. */
  readonly perSecond: number | null;
  /** The first of them starts so much later. */
  readonly delayMs: number;
}

export interface ChosenRedrive extends Chosen {
  /** Fit as well, and are not sent again (V3). */
  readonly left: readonly LettersLeft[];
  /** Why there are more although the limit has room: their turn is too late to be held back for it. Null: there are not. */
  readonly tooLate: string | null;
  send(): Promise<SentLetters>;
}

export interface SentLetters {
  readonly items: readonly { readonly listId: string; /** That its notice names. */ readonly execution: string | null }[];
  /** Of those that were chosen: what the broker, or whoever signs them, refuses by itself. */
  readonly refused: readonly LettersLeft[];
  /** Why the broker took no more of them; null: it was asked about all. */
  readonly fault: string | null;
}

export interface RedrivePlace {
  readonly context: EngineContext;
  readonly signatures: NoticeOptions["signatures"];
  readonly executionOf: NoticeOptions["executionOf"];
}

/** See V2. */
export async function chooseRedrive(
  place: RedrivePlace,
  notices: Notices,
  { filter, request }: { readonly filter: NoticeLetterFilter; readonly request: RedriveRequest },
): Promise<ChosenRedrive> {
  const { context, signatures } = place;
  const chosen: (SentLetters["items"][number] & Pick<NoticeLetter, "reason">)[] = [];
  const leftIds = new Set<string>();
  const left = leftTally();
  const delayOf = (i: number): number => request.delayMs + (request.perSecond === null ? 0 : Math.floor((i * 1_000) / request.perSecond));
  // Signed when it is sent, and looked at when it is received.
  const delayMsMax = Math.min(RETRY_DELAY_MS_MAX, signatures.validMs / 2);
  const isInTime = (): boolean => delayOf(chosen.length) <= delayMsMax;
  const sign = (letter: DeadNotice): NoticeAttributes => {
    const { signature: _old, ...attributes } = letter.attributes;
    return signatures.sign({ ...letter, attributes }, { queue: notices.identity, now: context.now() });
  };
  const faultOf = (letter: DeadNotice): SignatureFault | null =>
    signatures.mode === "off" ? null : signatures.fault(letter, { queue: notices.identity, now: context.now() });
  const leave = ({ listId, reason }: NoticeLetter, why: string): void => {
    if (!leftIds.has(listId)) left.add({ id: listId, reason }, why);
    leftIds.add(listId);
  };
  const end = await through(notices, filter, {
    room: () => (isInTime() ? filter.limit - chosen.length : 0),
    isWanted(letter) {
      const why = whyLeft(letter) ?? whyUnvouched(letter, filter, faultOf);
      if (why !== null) leave(letter, why);
      return why === null;
    },
    async visit(letter) {
      const why = await demand(place, letter, request.gate);
      if (why !== null) return leave(letter, why);
      // A key that cannot be read is told before anything was done.
      sign(letter);
      chosen.push({ listId: letter.listId, reason: letter.reason, execution: letter.notice?.execution_id ?? null });
    },
  });
  const delays = new Map(chosen.map(({ listId }, i) => [letterIdOf(listId), delayOf(i)]));
  return {
    ids: chosen.map(({ listId }) => listId),
    ...end,
    left: left.all(),
    foundIds: new Set([...leftIds, ...chosen.map(({ listId }) => listId)]),
    tooLate: end.more && chosen.length < filter.limit && !isInTime() ? tooLate(delayMsMax) : null,
    async send() {
      const how = (letter: DeadNotice): Redrive => ({ attributes: sign(letter), delayMs: delays.get(letter.letterId) ?? 0 });
      const { sent, refused, fault } = await redriven(notices, [...delays.keys()], how);
      const isSent = new Set(sent);
      const whys = new Map(refused.map(({ letterId, why }) => [letterId, why]));
      const refusals = leftTally();
      for (const { listId, reason } of chosen) {
        const why = whys.get(letterIdOf(listId));
        if (why !== undefined) refusals.add({ id: listId, reason }, why);
      }
      const items = chosen.filter(({ listId }) => isSent.has(letterIdOf(listId)));
      return { items: items.map(({ listId, execution }) => ({ listId, execution })), refused: refusals.all(), fault };
    },
  };
}

/** By now others may be redriven: what the broker does not do is told, and not thrown. */
async function redriven(notices: Notices, ids: readonly string[], how: (letter: DeadNotice) => Redrive): Promise<Redriving> {
  try {
    return await notices.dead.redrive(ids, how);
  } catch (error) {
    if (!hasCode(error, "unavailable")) throw error;
    return { sent: [], refused: [], fault: messageOf(error) };
  }
}

/** See V1. Returns why it is left: what it asks for is disabled, so it would die of that again. */
async function demand(
  { context, executionOf }: RedrivePlace,
  { notice, workspace }: NoticeLetter,
  gate: CommandGate,
): Promise<string | null> {
  if (notice === null) return null;
  const { execution_id: id } = notice;
  if (id !== undefined) {
    const [record] = await context.store.jobs.records([id]);
    if (record?.workspace === workspace) gate(record);
    return null;
  }
  try {
    const request = await executionOf(notice);
    gate(request);
    const record = recordOf(context, request);
    return (await disabledAmong(context, [record]))(record)?.message ?? null;
  } catch (error) {
    // It dies again of what is wrong with it, and runs nothing.
    if (!hasCode(error, "not_found") && !hasCode(error, "invalid")) throw error;
    return null;
  }
}

/** Of these nobody knows who sent them: to sign them with all the others would be to run whatever somebody puts into the queue. */
const UNVOUCHED: ReadonlySet<NoticeFault> = new Set<NoticeFault>(["signature", "signature_expired", "unknown"]);

/** Why it is not sent again; null: it is. */
function whyLeft({ notice }: NoticeLetter): string | null {
  // It would be the same notice, and die of the same.
  return notice === null ? "its body is no notice, so it would die of the same again: strike it off, and have it sent anew" : null;
}

/** See V1: who redrives many has not looked at each of them. Null: it was signed well once, however long ago, or somebody names it. */
function whyUnvouched(
  letter: NoticeLetter,
  { ids, reason: asked }: NoticeLetterFilter,
  faultOf: (letter: DeadNotice) => SignatureFault | null,
): string | null {
  // Whoever asks for one of the other reasons has not been told that nobody signed them.
  if (ids !== undefined || (asked !== undefined && UNVOUCHED.has(asked))) return null;
  if (UNVOUCHED.has(letter.reason)) return "nobody knows who sent it: look at it, and name it by its id or its reason";
  const fault = faultOf(letter);
  if (fault === null || fault.reason === "signature_expired") return null;
  // Not what the fault says: it holds words of whoever sent it, and those that are left are counted by why.
  return "its signature is missing or wrong, so nobody knows who sent it: look at it, and name it by its id";
}

function tooLate(delayMsMax: number): string {
  return `at this rate their turn comes in more than ${Math.round(delayMsMax / 1000)} s, and notices are not held back for longer: ask again then`;
}
