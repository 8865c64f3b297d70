/** What the dispatcher and those who change schedules work with: calendars, and the jobs that schedules may make. */
import type { EngineContext } from "@windlass/engine";
import type { Settings } from "@windlass/kernel";
import { fireTimes, type Evaluating } from "@windlass/schedules";
import { workflowLanguage } from "./workflow-language.ts";

export async function evaluatingOf(settings: Settings): Promise<(context: EngineContext) => Evaluating> {
  const { jobTemplates } = await import("@windlass/server");
  const workflows = workflowLanguage(settings);
  return (context) => ({ context, fire: fireTimes, templates: jobTemplates({ definitions: context.store.definitions, workflows }) });
}
