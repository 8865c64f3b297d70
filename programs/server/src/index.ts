export type { ReadWorkflow, ServerParts, WorkflowLanguage } from "./server-parts.ts";
