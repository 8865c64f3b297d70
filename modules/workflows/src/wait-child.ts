/** Renders a step that waits into its job. */
import type { ChildSpec } from "@windlass/engine";
import { failedChild, ownChild } from "./ended-child.ts";
import { shown } from "./finding.ts";
import { timeOf, waitOf, type LoopSpec, type WaitSpec } from "./step-spec.ts";
import { render, textOf, type Evaluate } from "./template.ts";
import { SIGNAL_NAME_LENGTH_MAX, type WaitTool } from "./workflow.ts";

export interface Waiting {
  readonly step: LoopSpec["step"];
  readonly tool: WaitTool;
  readonly key: string;
  readonly evaluate: Evaluate;
  readonly timeoutMs: number | null;
}

export function waitChild({ step, tool, key, evaluate, timeoutMs }: Waiting): ChildSpec {
  const { schema, kind: _kind, ...asked } = tool;
  const rendered = render(asked, evaluate);
  if (!rendered.ok) return failedChild(step, key, { reason: "expression_failed", message: rendered.message });
  const awaited = specOf(rendered.value as unknown as WaitTool);
  if (typeof awaited === "string") return failedChild(step, key, { reason: "bad_spec", message: awaited });
  const spec = "signal" in awaited && schema !== undefined ? { ...awaited, schema } : awaited;
  return { ...ownChild(step, key, { spec }), timeoutMs };
}

/** What is waited for, or what is wrong with it. */
function specOf({ for: time, until, signal, approval }: WaitTool): WaitSpec | string {
  if (time !== undefined) {
    const ms = waitOf(time);
    return ms === undefined ? `for: expected a time of at most a year, such as 30s, found ${shown(time)}` : { type: "wait", ms };
  }
  if (until !== undefined) {
    const at = timeOf(until);
    return at === undefined ? `until: expected a time such as 2026-01-31T08:00:00Z, found ${shown(until)}` : { type: "wait", until: at };
  }
  if (signal !== undefined) {
    const name = textOf(signal);
    const fits = name.trim() !== "" && name.length <= SIGNAL_NAME_LENGTH_MAX;
    return fits ? { type: "wait", signal: name } : `signal: expected 1 to ${SIGNAL_NAME_LENGTH_MAX} characters, found ${shown(name)}`;
  }
  const by = (approval?.by ?? []).map((one) => textOf(one));
  return { type: "wait", approval: { by, text: approval?.text === undefined ? null : textOf(approval.text) } };
}
