/** What a message of SQS says beside its body: the attributes of the notice, and what only this driver reads. Pure. */
import { isJsonObject, isNoticeFault, type NoticeFault } from "@windlass/kernel";
import type { NoticeAttributes } from "@windlass/ports";
import type { Message, MessageAttributeValue } from "@aws-sdk/client-sqs";

const OWN = "windlass_";
const ID = `${OWN}id`;
const ATTEMPTS = `${OWN}attempts`;
const FIRST_AT = `${OWN}first_at`;
const REASON = `${OWN}reason`;
const MESSAGE = `${OWN}message`;
const REDRIVES = `${OWN}redrives`;
/** Those of the notice as one JSON text, where there is no room for each of them. */
const PACKED = `${OWN}attributes`;
/** Of SQS. Others may have used all of them. */
const ATTRIBUTES_MAX = 10;

export interface Told {
  readonly id: string;
  readonly attributes: NoticeAttributes;
  /** Before this message was made of another one. */
  readonly attemptsBefore: number;
  readonly firstAt: number;
  /** Null: only SQS put it where it is. */
  readonly reason: NoticeFault | null;
  readonly message: string;
  /** How often it was a dead letter before. */
  readonly redrives: number;
  /** How often this message was received. */
  readonly times: number;
  /** When SQS had this message. */
  readonly at: number;
}

export type OwnWords = Partial<Pick<Told, "attemptsBefore" | "firstAt" | "reason" | "message" | "redrives">> &
  Pick<Told, "id" | "attributes">;

/** For people: longer ones are cut. */
const MESSAGE_LENGTH_MAX = 500;

export function attributesOf(told: OwnWords): Record<string, MessageAttributeValue> {
  const own = {
    [ID]: told.id,
    [ATTEMPTS]: told.attemptsBefore,
    [FIRST_AT]: told.firstAt,
    [REASON]: told.reason,
    [MESSAGE]: told.message?.replace(/[\r\n]+/gu, " ").slice(0, MESSAGE_LENGTH_MAX),
    // None says the same as 0, and there is room for few.
    [REDRIVES]: told.redrives === 0 ? null : told.redrives,
  };
  const theirs =
    Object.values({ ...told.attributes, ...own }).filter(isThere).length > ATTRIBUTES_MAX
      ? { [PACKED]: JSON.stringify(told.attributes) }
      : told.attributes;
  const made = Object.entries({ ...theirs, ...own }).flatMap(([name, value]) =>
    isThere(value) ? [[name, { DataType: "String", StringValue: String(value) }] as const] : [],
  );
  return Object.fromEntries(made);
}

export function toldBy({ MessageAttributes: found = {}, Attributes: system = {}, MessageId = "" }: Message): Told {
  const of = (name: string): string => found[name]?.StringValue ?? "";
  const attributes = Object.keys(found).filter((name) => !name.startsWith(OWN));
  const at = countOf(system.SentTimestamp ?? "") ?? 0;
  const reason = of(REASON);
  return {
    id: of(ID) || `sqs-${MessageId}`,
    attributes: unpacked(of(PACKED)) ?? Object.fromEntries(attributes.map((name) => [name, of(name)])),
    attemptsBefore: countOf(of(ATTEMPTS)) ?? 0,
    firstAt: countOf(of(FIRST_AT)) ?? at,
    reason: reason === "" ? null : isNoticeFault(reason) ? reason : "unknown",
    message: of(MESSAGE),
    redrives: countOf(of(REDRIVES)) ?? 0,
    times: countOf(system.ApproximateReceiveCount ?? "") ?? 1,
    at,
  };
}

/** SQS takes none that is empty. */
function isThere(value: string | number | null | undefined): value is string | number {
  return value !== undefined && value !== null && value !== "";
}

/** Others may write what they like. */
function unpacked(text: string): NoticeAttributes | null {
  try {
    const found = JSON.parse(text) as unknown;
    if (!isJsonObject(found)) return null;
    return Object.fromEntries(
      Object.entries(found).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
    );
  } catch {
    return null;
  }
}

function countOf(text: string): number | null {
  return /^\d{1,15}$/u.test(text) ? Number(text) : null;
}
