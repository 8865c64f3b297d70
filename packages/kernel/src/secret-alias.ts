/**
 * Where specifications ask for secrets by alias: variables of their environment, written `{valueFrom: "report-db"}` in the
 * place of a text; and `auth` in the input of what a server carries out itself. The value itself never gets into either. Pure.
 */
import type { JobRecord } from "./job.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { HTTP_HANDLER } from "./runner.ts";
import { SECRET_NAME, SECRET_NAME_RULE } from "./secret.ts";

/** Where a secret is asked for. */
export interface AliasUse {
  /** Within the specification: `env.API_KEY`. */
  readonly path: string;
  readonly alias: string;
  /** Scopes in which it is looked for besides those of the job: of what the job is going to run. */
  readonly within?: readonly string[];
}

/** Variables of an environment whose values are secrets, by name. */
export type SecretEnvironment = Readonly<Record<string, string>>;

const NONE: readonly never[] = [];

/** The alias that stands in the place of a text; undefined for anything else. */
export function aliasOf(value: Json | undefined): string | undefined {
  if (!isJsonObject(value) || Object.keys(value).length !== 1) return undefined;
  const { valueFrom } = value;
  return typeof valueFrom === "string" && SECRET_NAME.test(valueFrom) ? valueFrom : undefined;
}

/** What is wrong with a value that should name a secret; null when nothing is. */
export function faultOfAlias(value: Json | undefined): string | null {
  if (aliasOf(value) !== undefined) return null;
  const alias = isJsonObject(value) && Object.keys(value).length === 1 ? value["valueFrom"] : undefined;
  if (typeof alias !== "string") return 'expected {"valueFrom": the alias of a secret}';
  return `${JSON.stringify(alias)} is no alias of a secret: ${SECRET_NAME_RULE}`;
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

/** All that a job asks for, of itself. */
export function aliasesOfJob({ executor, spec, input }: Pick<JobRecord, "executor" | "spec" | "input">): readonly AliasUse[] {
  if (executor !== "tool" && spec["handler"] !== HTTP_HANDLER) return aliasesOfSpec(spec);
  const auth = isJsonObject(input) ? input["auth"] : undefined;
  return typeof auth === "string" ? [{ path: "auth", alias: auth }] : NONE;
}

/** The specification without them: what is left is no secret, and may be checked and written down as it is. */
export function withoutAliases(spec: JsonObject): JsonObject {
  const { env } = spec;
  if (!isJsonObject(env) || !Object.values(env).some((value) => aliasOf(value) !== undefined)) return spec;
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
