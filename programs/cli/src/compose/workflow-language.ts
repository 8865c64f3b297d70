/** The workflow module as the server asks for it. */
import { WindlassError, type Settings } from "@windlass/kernel";
import type { WorkflowLanguage } from "@windlass/server";
import { inlineSchedules, type InlineSchedules } from "./inline-schedules.ts";
import { CONTAINER_EXECUTORS, contentOf, executionOf, parseWorkflow, placesOfReferences, specOf, workflowOf } from "@windlass/workflows";

/**
 * Who carries out containers, and whether what schedules make gets runners of its own: settings say it. Who carries out containers, as the setting `containers.executor` says, where nobody else does.
 */
export function workflowLanguage(settings: Settings): WorkflowLanguage {
  const usual = settings["containers.executor"];
  const usualExecutor = CONTAINER_EXECUTORS.find((executor) => executor === usual);
  if (usualExecutor === undefined)
    throw new WindlassError("invalid", `containers.executor is "${usual}"; it must be one of ${CONTAINER_EXECUTORS.join(", ")}`);
  const hasContainers = settings["runner.executor"] !== "process";
  return {
    ...language,
    execution: ({ scheduled = false, ...request }) => executionOf({ ...request, usualExecutor, isolates: scheduled && hasContainers }),
  };
}

const language: Omit<WorkflowLanguage, "execution"> = {
  read(source) {
    let schedules: InlineSchedules["schedules"] = [];
    const parsed = parseWorkflow(source, (data) => {
      const read = inlineSchedules(data);
      schedules = read.schedules;
      return read.findings;
    });
    if ("faults" in parsed) return parsed;
    const { workflow } = parsed;
    return {
      name: workflow.metadata.name,
      labels: workflow.metadata.labels ?? {},
      definition: specOf(workflow),
      content: contentOf(workflow),
      schedules,
    };
  },
  referencesOf: (definition) => placesOfReferences(workflowOf(definition)),
};
