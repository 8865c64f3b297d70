/** A step as the server hands it to a runner, in the place of a job's input (programs/server, runner-steps.ts). */
import { isJsonObject, type Json, type JsonObject } from "@windlass/kernel";

export interface GivenStep {
  /** In the words of processes; without what is secret in it. */
  readonly spec: JsonObject;
  /** The job's own. */
  readonly input: Json;
  /** Variables whose values are secrets. */
  readonly secretEnvironment: Readonly<Record<string, string>>;
  /** By alias. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly about: { readonly id: string; readonly name: string; readonly rootId: string; readonly workspace: string };
}

/** Of a server of our own: what it sends is as it says. */
export function givenStep(input: Json): GivenStep {
  if (!isJsonObject(input) || !isJsonObject(input["spec"] ?? null)) throw new Error("the server sent a step that is none");
  return input as unknown as GivenStep;
}

/** Throws for one that the step was not given, whatever JavaScript means by its name. */
export function givenSecret({ secrets }: Pick<GivenStep, "secrets">, alias: string): string {
  const secret = Object.hasOwn(secrets, alias) ? secrets[alias] : undefined;
  if (secret === undefined) throw new Error(`the secret "${alias}" was not given`);
  return secret;
}
