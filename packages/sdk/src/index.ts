export { client, type Client, type ClientOptions } from "./client.ts";
export { logBytes } from "./log-bytes.ts";
export type { Pause } from "./pause.ts";
export type { CallOptions } from "./send-request.ts";
