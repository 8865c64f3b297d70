/** What a server carries out itself, from its settings. */
import type { EngineOptions } from "@windlass/engine";
import type { Settings } from "@windlass/kernel";
import { httpTool } from "@windlass/tools";
import { systemClock } from "../machine/system-clock.ts";
import { httpRulesOf } from "./http-rules.ts";

/** Throws `usage` with the variable of a rule that is none. */
export function serverTools(settings: Settings): NonNullable<EngineOptions["tools"]> {
  const rules = httpRulesOf(settings);
  return (secretOf) => ({ http: httpTool({ rules, secretOf, now: () => systemClock.now() }) });
}
