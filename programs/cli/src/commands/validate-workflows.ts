/** `windlass workflows validate`: in this process, so that it works without a server. */
import { parseWorkflow } from "@windlass/workflows";
import { inlineSchedules } from "../compose/inline-schedules.ts";
import { faultText } from "../output/error-text.ts";
import { count } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import type { Call } from "../tree/call.ts";
import { readSource } from "./workflow-source.ts";

const INVALID = 2;

/** As an object: what the API answers; a list of them, with the file of each, for several files. */
export async function validateWorkflows(call: Call): Promise<number> {
  const files = call.args[0] as readonly string[];
  const sources = await Promise.all(files.map(async (file) => ({ file, source: await readSource(file) })));
  const checks = sources.map(({ file, source }) => {
    const parsed = parseWorkflow(source, (data) => inlineSchedules(data).findings);
    return "faults" in parsed
      ? { file, valid: false, name: null, faults: parsed.faults }
      : { file, valid: true, name: parsed.workflow.metadata.name, faults: [] };
  });
  const { style } = call.terminal;
  await present(call, checks.length === 1 ? checks[0] : { items: checks }, () =>
    checks
      .map(({ file, valid, name, faults }) =>
        valid
          ? `${style("green", "✓")} ${file}: ${name} is valid\n`
          : `${style("red", "✗")} ${file}: ${count(faults.length, "fault")}\n${faults.map((fault) => `  ${faultText(fault, file, style)}\n`).join("")}`,
      )
      .join(""),
  );
  return checks.every(({ valid }) => valid) ? 0 : INVALID;
}
