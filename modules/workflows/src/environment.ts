/**
 * The environment of a tool that runs a program: texts, and aliases of secrets. Which variable is a secret is said by the
 * file alone: a value that an expression gives is never taken for an alias, whatever it looks like.
 */
import {
  aliasOf,
  faultOfEnvSource,
  isJsonObject,
  SECRET_NAME,
  SECRET_NAME_RULE,
  type AliasUse,
  type Json,
  type JsonObject,
} from "@windlass/kernel";
import { shown } from "./finding.ts";
import { resolveInputs } from "./resolve-inputs.ts";
import { evaluateIn } from "./scope.ts";
import { isTemplate, render, textOf } from "./template.ts";
import type { Env, Step, Workflow } from "./workflow.ts";

/** `rendered` is what became of `declared` with all templates carried out. */
export function envSpecOf(declared: Env, rendered: JsonObject): { readonly env: JsonObject } | { readonly message: string } {
  const env: [string, Json][] = [];
  for (const [name, value] of Object.entries(declared)) {
    const given = rendered[name] ?? null;
    if (typeof value === "string") {
      env.push([name, textOf(given)]);
      continue;
    }
    // Where a cluster is to find it.
    if (typeof value.valueFrom !== "string") {
      const fault = faultOfEnvSource(given);
      if (fault !== null) return { message: `env.${name}: ${fault}` };
      env.push([name, given]);
      continue;
    }
    const alias = isJsonObject(given) ? (given["valueFrom"] ?? null) : null;
    if (typeof alias !== "string" || !SECRET_NAME.test(alias))
      return { message: `env.${name}: ${shown(alias)} is no alias of a secret: ${SECRET_NAME_RULE}` };
    env.push([name, { valueFrom: alias }]);
  }
  return { env: Object.fromEntries(env) };
}

/** The secrets that the steps of a workflow will ask for, as far as its inputs alone tell. */
export function aliasesOfWorkflow(workflow: Workflow, input: Json): readonly AliasUse[] {
  const secrets = [...placesOf(workflow.steps, "steps"), ...placesOf(workflow.finally ?? [], "finally")];
  if (secrets.length === 0) return [];
  const resolved = resolveInputs(workflow, input);
  if ("faults" in resolved) return [];
  const doubles = Object.entries(workflow.inputs ?? {}).flatMap(([name, { type }]) => (type === "number" ? [name] : []));
  const job = { id: "", name: workflow.metadata.name, attempt: 0 };
  const evaluate = evaluateIn({ inputs: resolved.inputs, doubles, job, step: () => undefined });
  return secrets.flatMap(({ path, text }) => {
    const rendered = render({ valueFrom: text }, evaluate);
    const alias = rendered.ok ? aliasOf(rendered.value) : undefined;
    return alias === undefined ? [] : [{ path, alias }];
  });
}

/** Those that are no templates. */
export function aliasesAsWritten(workflow: Workflow): readonly AliasUse[] {
  const secrets = [...placesOf(workflow.steps, "steps"), ...placesOf(workflow.finally ?? [], "finally")];
  return secrets.flatMap(({ path, text }) => (isTemplate(text) ? [] : [{ path, alias: text }]));
}

interface Place {
  readonly path: string;
  /** An alias, or a template that gives one. */
  readonly text: string;
}

function placesOf(steps: readonly Step[], list: string): readonly Place[] {
  return steps.flatMap(({ tool }, index): readonly Place[] => {
    const path = `${list}[${index}].tool`;
    if ("auth" in tool && tool.auth !== undefined) return [{ path: `${path}.auth`, text: tool.auth }];
    if (!("env" in tool) || tool.env === undefined) return [];
    return Object.entries(tool.env).flatMap(([name, value]) =>
      typeof value === "string" || typeof value.valueFrom !== "string" ? [] : [{ path: `${path}.env.${name}`, text: value.valueFrom }],
    );
  });
}
