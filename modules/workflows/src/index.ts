/** Workflows: files, their executions and steps. */
export { checkDefinition, parseWorkflow, type ParsedWorkflow } from "./parse-workflow.ts";
export { planOf, type Plan, type PlannedField } from "./plan-workflow.ts";
export { placesOfReferences } from "./pins.ts";
export { COUNTS_AS, PREDICATES, type Predicate } from "./predicates.ts";
export { coerceInput, resolveInputs, type Resolved } from "./resolve-inputs.ts";
export { pathText } from "./finding.ts";
export { readYaml } from "./yaml-source.ts";
export { stepKind } from "./step-kind.ts";
export { literalImages } from "./literal-images.ts";
export { contentOf, executionOf, type Execution } from "./submit-workflow.ts";
export {
  CONTAINER_EXECUTORS,
  specOf,
  workflowOf,
  type InputSpec,
  type InputType,
  type Step,
  type Tool,
  type Workflow,
} from "./workflow.ts";
export { workflowSchema } from "./workflow-schema.ts";
export { workflowKind } from "./workflow-kind.ts";
