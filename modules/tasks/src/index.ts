/** Tasks: single jobs without a workflow. */
export { taskKind } from "./task-kind.ts";
