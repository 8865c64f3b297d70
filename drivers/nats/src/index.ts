export { openNatsNotices, type NatsNoticesOptions } from "./nats-notices.ts";
export { probeNats, type NatsProbe } from "./probe-nats.ts";
