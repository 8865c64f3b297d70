export { createApp, type WindlassApp } from "./create-app.ts";
export { listen, type Listening, type ListenOptions } from "./serve.ts";
export type { ReadWorkflow, ServerParts, WorkflowLanguage } from "./server-parts.ts";
export { originsFrom } from "./cors.ts";
