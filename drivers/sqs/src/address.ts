/** What the address of a queue of Amazon SQS says. Pure. */
import { WindlassError } from "@windlass/kernel";

export interface QueueAddress {
  readonly queueUrl: string;
  /** Of the queue. */
  readonly name: string;
  /** Undefined: as the machine's settings for AWS say. */
  readonly region: string | undefined;
  /** Null: that of AWS. */
  readonly endpoint: string | null;
}

/** Emulators take any, and their queues are in this one when nobody says another. */
const EMULATED_REGION = "us-east-1";

/**
 * `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`, as the console shows it, or `sqs://` and the same. An address elsewhere
 * is an emulator's, and its own endpoint; `endpoint` is one that is told apart. Throws `invalid`.
 */
export function addressOf(url: string, endpoint: string): QueueAddress {
  const queueUrl = url.replace(/^sqs:\/\//u, "https://");
  const name = URL.canParse(queueUrl) ? (new URL(queueUrl).pathname.split("/").at(-1) ?? "") : "";
  if (!/^https?:\/\//u.test(queueUrl) || !/^[\w-]{1,80}(\.fifo)?$/u.test(name))
    throw new WindlassError(
      "invalid",
      `"${url}" is no queue of SQS; it must be like https://sqs.eu-central-1.amazonaws.com/123456789012/windlass`,
    );
  if (name.endsWith(".fifo"))
    throw new WindlassError(
      "invalid",
      `the queue ${name} is a FIFO queue, which holds no single message back; make a standard queue for notices`,
    );
  const { hostname, origin } = new URL(queueUrl);
  const told = /^sqs\.([a-z0-9-]+)\./u.exec(hostname)?.[1];
  const isAmazon = /\.amazonaws\.com(\.cn)?$/u.test(hostname);
  const region = told ?? (isAmazon ? undefined : EMULATED_REGION);
  return { queueUrl, name, region, endpoint: endpoint !== "" ? endpoint : isAmazon ? null : origin };
}
