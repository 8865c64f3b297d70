/**
 * Where specifications ask for secrets by alias: variables of their environment, written `{valueFrom: "report-db"}` in the
 * place of a text. The value itself never gets into a specification. Pure.
 */
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { SECRET_NAME, SECRET_NAME_RULE } from "./secret.ts";

/** A variable whose value is a secret. */
export interface AliasUse {
  /** Within the specification: `env.API_KEY`. */
  readonly path: string;
  readonly alias: string;
}

/** Variables of an environment whose values are secrets, by name. */
export type SecretEnvironment = Readonly<Record<string, string>>;

const NONE: readonly never[] = [];

/** The alias that stands in the place of a text; undefined for anything else. */
export function aliasOf(value: Json | undefined): string | undefined {
  return isJsonObject(value) && typeof value["valueFrom"] === "string" ? value["valueFrom"] : undefined;
}

/** What is wrong with a value that should name a secret; null when nothing is. */
export function faultOfAlias(value: Json | undefined): string | null {
  const alias = aliasOf(value);
  if (alias === undefined || Object.keys(value as JsonObject).length !== 1) return 'expected {"valueFrom": the alias of a secret}';
  return SECRET_NAME.test(alias) ? null : `${JSON.stringify(alias)} is no alias of a secret: ${SECRET_NAME_RULE}`;
}

/** The secrets that a specification asks for. Almost none does, so that is found out first. */
export function aliasesOfSpec(spec: JsonObject): readonly AliasUse[] {
  const { env } = spec;
  if (!isJsonObject(env)) return NONE;
  const uses: AliasUse[] = [];
  for (const [name, value] of Object.entries(env)) {
    const alias = aliasOf(value);
    if (alias !== undefined) uses.push({ path: `env.${name}`, alias });
  }
  return uses;
}

/** The specification without them: what is left is no secret, and may be written down. */
export function withoutAliases(spec: JsonObject): JsonObject {
  const { env } = spec;
  if (!isJsonObject(env) || aliasesOfSpec(spec).length === 0) return spec;
  return { ...spec, env: Object.fromEntries(Object.entries(env).filter(([, value]) => aliasOf(value) === undefined)) };
}

/** The variables that they stand for, with what `values` has for each alias. */
export function secretEnvironmentOf(spec: JsonObject, values: ReadonlyMap<string, string>): SecretEnvironment {
  const { env } = spec;
  if (!isJsonObject(env)) return {};
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => {
      const alias = aliasOf(value);
      const secret = alias === undefined ? undefined : values.get(alias);
      return secret === undefined ? [] : [[name, secret]];
    }),
  );
}
