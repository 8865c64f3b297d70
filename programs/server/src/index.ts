export { createApp, type WindlassApp } from "./create-app.ts";
export { peerLogs } from "./peer-logs.ts";
export { listen, type Listening, type ListenOptions } from "./serve.ts";
export { originsFrom } from "./cors.ts";
export type { ReadWorkflow, BackUp, ServerParts, WorkflowLanguage } from "./server-parts.ts";
