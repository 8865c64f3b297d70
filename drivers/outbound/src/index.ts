/** Calls to servers of others. */
export { outboundCalls, type OutboundOptions } from "./outbound-calls.ts";
