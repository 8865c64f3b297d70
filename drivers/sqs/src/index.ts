export { openSqsNotices, type SqsNoticesOptions } from "./sqs-notices.ts";
