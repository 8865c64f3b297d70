/**
 * Secrets: values that are stored sealed and never shown, under a name in a scope of a workspace. Pure.
 *
 * S1. What is sealed is bound to where it stands: workspace, scope, name, version and key (`bindingOf`). Moved to another
 *     row, or given out as sealed with another key, it does not open.
 */

/** Whose a secret is: of every job of the workspace, or of the executions of one workflow. */
export const WORKSPACE_SCOPE = "workspace";

export interface SecretId {
  readonly workspace: string;
  /** `workspace`, or `workflow:<name>`. */
  readonly scope: string;
  /** The alias by which files ask for it. */
  readonly name: string;
}

/** What may be told of it. */
export interface Secret extends SecretId {
  /** Counts its values from 1. */
  readonly version: number;
  /** Of the key that it is sealed with. */
  readonly keyId: string;
  readonly createdBy: string;
  readonly createdAt: number;
  /** Of its value; sealing it again with another key changes nothing. */
  readonly changedBy: string;
  readonly changedAt: number;
}

export interface SealedSecret extends Secret {
  readonly sealed: string;
}

/** Of a secret, and so of the alias that a file uses for it. */
export const SECRET_NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_])?$/u;
export const SECRET_NAME_RULE = "1 to 100 letters, digits and . _ -, beginning with a letter or digit and not ending with . or -";
/** Room for certificates and keys. All variables of a process together have about two megabytes. */
export const SECRET_VALUE_BYTES_MAX = 65_536;

const WORKFLOW_PREFIX = "workflow:";

export function workflowScope(name: string): string {
  return `${WORKFLOW_PREFIX}${name}`;
}

/** Null for the scope of the workspace. */
export function workflowOfScope(scope: string): string | null {
  return scope.startsWith(WORKFLOW_PREFIX) ? scope.slice(WORKFLOW_PREFIX.length) : null;
}

/** For people: `workflow nightly`, `workspace default`. */
export function scopeText({ workspace, scope }: Pick<SecretId, "workspace" | "scope">): string {
  const workflow = workflowOfScope(scope);
  return workflow === null ? `workspace "${workspace}"` : `workflow "${workflow}"`;
}

/** What a seal is bound to (S1), as a text in which no part can be taken for another. Must never change. */
export function bindingOf({ workspace, scope, name, version, keyId }: SecretId & Pick<Secret, "version" | "keyId">): string {
  return JSON.stringify(["windlass secret 1", workspace, scope, name, version, keyId]);
}

/** Why a text cannot be a secret; null when it can. Says nothing of the text itself. */
export function faultOfSecret(value: string): string | null {
  if (value === "") return "it is empty";
  if (value.includes("\0")) return "it has a NUL character, which no program can be given";
  if (!value.isWellFormed()) return "it is not well-formed Unicode; encode what is not text, for example as base64";
  const { length } = new TextEncoder().encode(value);
  return length > SECRET_VALUE_BYTES_MAX ? `it has ${length} bytes; ${SECRET_VALUE_BYTES_MAX} are allowed` : null;
}
