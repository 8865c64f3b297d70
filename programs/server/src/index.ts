export { createApp, type WindlassApp } from "./create-app.ts";
export { peerLogs } from "./peer-logs.ts";
export { listen, type Listening, type ListenOptions } from "./serve.ts";
export { noticeExecution } from "./notice-execution.ts";
export { originsFrom } from "./cors.ts";
export { jobTemplates } from "./job-templates.ts";
export type { ReadWorkflow, BackUp, ScheduleLanguage, ServerParts, WorkflowLanguage } from "./server-parts.ts";
