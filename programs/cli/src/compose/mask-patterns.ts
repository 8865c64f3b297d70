/** What is masked in every log, from the setting. Pure. */
import { environmentVariableOf, maskOf, messageOf, WindlassError, type Fault, type MaskRule } from "@windlass/kernel";

/** Throws `invalid` with every pattern that is no regular expression. */
export function maskPatternsOf(setting: string): MaskRule["patterns"] {
  const patterns = setting.split(/\r?\n/u).filter((line) => line.trim() !== "");
  const path = environmentVariableOf("log.maskPatterns");
  const faults: Fault[] = [];
  for (const pattern of patterns) {
    try {
      maskOf({ secrets: [], patterns: [pattern] }).stream();
    } catch (error) {
      faults.push({
        path,
        message: `${path} has the line ${JSON.stringify(pattern)}, which is no regular expression: ${messageOf(error)}`,
      });
    }
  }
  if (faults.length > 0) throw new WindlassError("invalid", "the settings in the environment cannot be used", { faults });
  return patterns;
}
