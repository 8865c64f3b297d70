/** The workflow module as the server asks for it. */
import type { WorkflowLanguage } from "@windlass/server";
import { contentOf, executionOf, parseWorkflow, placesOfReferences, specOf, workflowOf } from "@windlass/workflows";

export const workflowLanguage: WorkflowLanguage = {
  read(source) {
    const parsed = parseWorkflow(source);
    if ("faults" in parsed) return parsed;
    const { workflow } = parsed;
    return {
      name: workflow.metadata.name,
      labels: workflow.metadata.labels ?? {},
      definition: specOf(workflow),
      content: contentOf(workflow),
    };
  },
  execution: executionOf,
  referencesOf: (definition) => placesOfReferences(workflowOf(definition)),
};
