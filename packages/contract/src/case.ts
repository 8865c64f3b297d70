/**
 * The one rule by which files that people write may use snake_case as well as camelCase keys: `_x` is `X`.
 * Only keys of our own are read so; names that users choose (inputs, labels, environment) stay as they are.
 */

/** `timeout_seconds` → `timeoutSeconds`; what is camelCase already stays. */
export function camelCaseOf(key: string): string {
  return key.replace(/(?<=[a-z0-9])_([a-z0-9])/gu, (_, letter: string) => letter.toUpperCase());
}

/** `timeoutSeconds` → `timeout_seconds`. */
export function snakeCaseOf(key: string): string {
  return key.replace(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
}
