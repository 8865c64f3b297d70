/** What a notice that names no execution asks for: an execution of a stored workflow, as whoever runs it by hand would submit it. */
import type { NoticeOptions } from "@windlass/engine";
import { workflowOfNotice, type JsonObject } from "@windlass/kernel";
import type { DefinitionStore } from "@windlass/ports";
import type { WorkflowLanguage } from "./server-parts.ts";
import { pinVersions, storedWorkflow } from "./stored-workflows.ts";

/** Throws `not_found` without the workflow, and `invalid` for an input that it does not take. */
export function noticeExecution(workflows: WorkflowLanguage, definitions: () => DefinitionStore): NoticeOptions["executionOf"] {
  return async (notice) => {
    const { referencesOf } = workflows;
    const { workspace, name: text } = workflowOfNotice(notice);
    const { id: versionId, body } = await storedWorkflow(definitions(), { workspace, text });
    const definition = body as JsonObject;
    const pinned = await pinVersions(definitions(), { workspace, definition, referencesOf });
    const { schedule_id: schedule, nominal_time: nominal, input = {} } = notice;
    return {
      ...workflows.execution({ definition, versionId, input, pinned, scheduled: schedule !== undefined }),
      workspace,
      cause:
        schedule === undefined ? { type: "trigger", by: "notice" } : { type: "schedule", id: schedule, nominalAt: Date.parse(nominal) },
    };
  };
}
