/** What a message of NATS says beside its body: the attributes of the notice, and what only this driver reads. Pure. */
import { isNoticeFault, type NoticeFault } from "@windlass/kernel";
import type { NoticeAttributes } from "@windlass/ports";
import { headers, type MsgHdrs } from "@nats-io/transport-node";

/** By which NATS drops what it has had before; of a copy it is another than the id of the notice. */
const MESSAGE_ID = "Nats-Msg-Id";
const OWN = "Windlass-";
const ID = `${OWN}Id`;
const ATTEMPTS = `${OWN}Attempts`;
const FIRST_AT = `${OWN}First-At`;
const REASON = `${OWN}Reason`;
const MESSAGE = `${OWN}Message`;
const REDRIVES = `${OWN}Redrives`;

export interface Told {
  readonly id: string;
  readonly attributes: NoticeAttributes;
  /** Before this message was made of another one. */
  readonly attemptsBefore: number;
  readonly firstAt: number | null;
  readonly reason: NoticeFault;
  readonly message: string;
  /** How often it was a dead letter before. */
  readonly redrives: number;
}

/** For people: longer ones are cut. */
const MESSAGE_LENGTH_MAX = 500;

export function headersOf(told: Partial<Told> & Pick<Told, "id" | "attributes">): MsgHdrs {
  const made = headers();
  const set = (name: string, value: string | number | null | undefined): void => {
    // A line of its own could not be told from the next header.
    if (value !== undefined && value !== null) made.set(name, String(value).replace(/[\r\n]+/gu, " "));
  };
  for (const [name, value] of Object.entries(told.attributes)) set(name, value);
  set(ID, told.id);
  set(ATTEMPTS, told.attemptsBefore);
  set(FIRST_AT, told.firstAt);
  set(REASON, told.reason);
  set(MESSAGE, told.message?.slice(0, MESSAGE_LENGTH_MAX));
  set(REDRIVES, told.redrives);
  return made;
}

/** Null: whoever sent it wrote headers that are none. The library throws as soon as one looks at them. */
export function headersIn(look: () => MsgHdrs | undefined): MsgHdrs | undefined | null {
  try {
    return look();
  } catch {
    return null;
  }
}

/** `otherwise`: the id of a message that somebody sent without one. */
export function toldBy(found: MsgHdrs | undefined | null, otherwise: string): Told {
  const of = (name: string): string => found?.get(name) ?? "";
  const attributes = (found?.keys() ?? []).filter((name) => !name.startsWith(OWN) && !name.startsWith("Nats-"));
  const reason = of(REASON);
  return {
    id: of(ID) || of(MESSAGE_ID) || otherwise,
    attributes: Object.fromEntries(attributes.map((name) => [name, of(name)])),
    attemptsBefore: countOf(of(ATTEMPTS)) ?? 0,
    firstAt: countOf(of(FIRST_AT)),
    reason: isNoticeFault(reason) ? reason : "unknown",
    message: of(MESSAGE),
    redrives: countOf(of(REDRIVES)) ?? 0,
  };
}

/** Others may write what they like. */
function countOf(text: string): number | null {
  return /^\d{1,15}$/u.test(text) ? Number(text) : null;
}
