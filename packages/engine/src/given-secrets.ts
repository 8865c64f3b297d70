/**
 * The secrets of one attempt: found by alias, opened, and handed to whoever launches it; and whether those that a job will
 * ask for are there at all.
 *
 * G1. Values live in memory only, from the launch on: in what the executor is told, and in the mask of what comes back.
 * G2. An alias is looked for in the scopes of the job and of its ancestors, the nearest first, and then in the workspace.
 * G3. What a job is going to run looks in scopes of its own as well: these hold for that use of an alias and for no other.
 */
import {
  aliasesOfJob,
  didYouMean,
  isWindlassError,
  NO_SECRETS,
  scopeText,
  WindlassError,
  WORKSPACE_SCOPE,
  type AliasUse,
  type Fault,
  type JobRecord,
  type JsonObject,
  type MaskRule,
  type Result,
  type SealedSecret,
} from "@windlass/kernel";
import type { EngineContext } from "./context.ts";
import type { Unsealed } from "./key-ring.ts";

/** By alias; or why the attempt cannot be started. */
export type Given = { readonly values: ReadonlyMap<string, string> } | { readonly refused: Result };

const NOTHING: Given = { values: new Map() };
/** Aliases that are looked up at once. */
const NAMES_MAX = 100;
/** Names that are looked through for one that was meant. */
const NEAR_MAX = 500;

/** What an attempt of this job is given for its aliases. Throws when the store cannot be read. */
export async function givenSecrets(context: EngineContext, record: JobRecord, aliases = aliasesIn(record)): Promise<Given> {
  if (aliases.length === 0) return NOTHING;
  const uses = aliases.map((alias) => ({ alias }));
  const { nearest, scopesFor } = await find(context, record, uses);
  const missing = uses.filter((use) => nearest(use) === undefined).map(({ alias }) => alias);
  if (missing.length > 0) return failed("secret_missing", missingText(missing, { record, scopes: scopesFor([]) }));
  const values = new Map<string, string>();
  for (const use of uses) {
    const { alias } = use;
    const secret = nearest(use);
    if (secret === undefined) continue;
    const opened = openWith(context, secret);
    if ("failed" in opened) return failed("secret_unreadable", opened.failed);
    if ("fault" in opened) return failed("secret_unreadable", unreadableText(secret, { fault: opened.fault, place: context.keys.place }));
    values.set(alias, opened.value);
  }
  return { values };
}

export interface AttemptMask {
  readonly rule: MaskRule;
  /** Why the rule lacks values that the attempt was given: a secret was removed since, or cannot be opened. Null: it has all. */
  readonly incomplete: string | null;
}

/** What must not be stored of what an attempt prints and is told of, for one that was launched elsewhere or before. */
export async function maskOfAttempt(context: EngineContext, jobId: string): Promise<AttemptMask> {
  const [record] = await context.store.jobs.records([jobId]);
  if (record === undefined) return { rule: NO_SECRETS, incomplete: null };
  const { secrets, patterns } = context.masks?.(record) ?? NO_SECRETS;
  const given = await givenSecrets(context, record);
  if ("refused" in given) return { rule: { secrets, patterns }, incomplete: given.refused.message };
  return { rule: { secrets: [...secrets, ...given.values.values()], patterns }, incomplete: null };
}

/** The same end without anything that the attempt itself may have said: what cannot be masked is not stored. */
export function withheld<T extends Pick<Result, "message">>(
  end: T,
  incomplete: string,
): T & { readonly evidence: JsonObject; readonly output: undefined } {
  return { ...end, message: `what was said of it is not kept, for it cannot be masked: ${incomplete}`, evidence: {}, output: undefined };
}

/** Aliases of a job for which there is no secret now, with what to say about them; null when all are there. */
export async function missingSecrets(
  context: EngineContext,
  record: JobRecord,
): Promise<{ readonly aliases: readonly string[]; readonly message: string } | null> {
  const uses = usesOf(context, record);
  if (uses.length === 0) return null;
  const { nearest, scopesFor } = await find(context, record, uses);
  const missing = uses.filter((use) => nearest(use) === undefined);
  const aliases = [...new Set(missing.map(({ alias }) => alias))];
  return missing.length === 0 ? null : { aliases, message: missingText(aliases, { record, scopes: scopesFor(missing) }) };
}

/** Almost none does: no submit is to wait for nothing. */
export function asksForSecrets(context: EngineContext, record: JobRecord): boolean {
  return usesOf(context, record).length > 0;
}

/** Throws `invalid` with every use of an alias for which there is no secret. */
export async function demandSecrets(context: EngineContext, record: JobRecord): Promise<void> {
  const uses = usesOf(context, record);
  if (uses.length === 0) return;
  const { nearest, scopesFor } = await find(context, record, uses);
  const missing = uses.filter((use) => nearest(use) === undefined);
  if (missing.length === 0) return;
  const secrets = await context.store.secrets.list({ workspace: record.workspace, limit: NEAR_MAX });
  const faults: Fault[] = missing.map((use) => {
    const { path, alias } = use;
    const scopes = scopesFor([use]);
    const names = secrets.filter(({ scope }) => scopes.includes(scope)).map(({ name }) => name);
    return {
      path: `spec.${path}`,
      message: `there is no secret "${alias}" in ${placesText(record, scopes)}${didYouMean(alias, names) || `; set it: windlass secrets set ${alias}`}`,
    };
  });
  throw new WindlassError(
    "invalid",
    `the job cannot be submitted: ${faults.map(({ path, message }) => `${path}: ${message}`).join("; ")}`,
    { faults },
  );
}

/** Keys that cannot be read at all (a wrong line, a file that others may read) are told as they are: no message holds a key. */
function openWith({ keys }: EngineContext, secret: SealedSecret): Unsealed | { readonly failed: string } {
  try {
    return keys.open(secret);
  } catch (error) {
    if (!isWindlassError(error)) throw error;
    return { failed: error.message };
  }
}

function usesOf(context: EngineContext, record: JobRecord): readonly AliasUse[] {
  return context.kindOf(record.kind)?.aliases?.(record.spec, record.input) ?? aliasesOfJob(record);
}

export function aliasesIn(record: JobRecord): readonly string[] {
  const uses = aliasesOfJob(record);
  return uses.length === 0 ? [] : [...new Set(uses.map(({ alias }) => alias))];
}

type Use = Pick<AliasUse, "alias" | "within">;

interface Found {
  readonly nearest: (use: Use) => SealedSecret | undefined;
  /** Where these uses look, the nearest first. */
  readonly scopesFor: (uses: readonly Use[]) => readonly string[];
}

/** See G2 and G3. */
async function find(context: EngineContext, record: JobRecord, uses: readonly Use[]): Promise<Found> {
  const aliases = [...new Set(uses.map(({ alias }) => alias))];
  const own = await scopesOf(context, record);
  const scopesFor = (some: readonly Use[]): readonly string[] => [...new Set([...some.flatMap(({ within = [] }) => within), ...own])];
  const scopes = scopesFor(uses);
  const found = new Map<string, SealedSecret[]>();
  for (let first = 0; first < aliases.length; first += NAMES_MAX) {
    const names = aliases.slice(first, first + NAMES_MAX);
    for (const secret of await context.store.secrets.find({ workspace: record.workspace, scopes, names })) {
      const others = found.get(secret.name);
      if (others === undefined) found.set(secret.name, [secret]);
      else others.push(secret);
    }
  }
  const nearest = (use: Use): SealedSecret | undefined => {
    const secrets = found.get(use.alias) ?? [];
    const scope = scopesFor([use]).find((one) => secrets.some((secret) => secret.scope === one));
    return secrets.find((secret) => secret.scope === scope);
  };
  return { nearest, scopesFor };
}

async function scopesOf(context: EngineContext, record: JobRecord): Promise<readonly string[]> {
  const ids = record.path === "" ? [] : record.path.split("/");
  const above = new Map((ids.length === 0 ? [] : await context.store.jobs.records(ids)).map((one) => [one.id, one]));
  const line = [record, ...ids.toReversed().map((id) => above.get(id))];
  const own = line.map((one) => (one === undefined ? undefined : context.kindOf(one.kind)?.secretScope?.(one)));
  return [...new Set([...own.filter((scope) => scope !== undefined), WORKSPACE_SCOPE])];
}

function failed(reason: "secret_missing" | "secret_unreadable", message: string): Given {
  return { refused: { outcome: "failed_config", reason, message } };
}

function missingText(
  missing: readonly string[],
  { record, scopes }: { readonly record: JobRecord; readonly scopes: readonly string[] },
): string {
  const names = missing.map((alias) => `"${alias}"`).join(", ");
  return `there is no secret ${names} in ${placesText(record, scopes)}; set it: windlass secrets set ${missing[0] ?? ""}`;
}

function placesText({ workspace }: JobRecord, scopes: readonly string[]): string {
  return scopes.map((scope) => scopeText({ workspace, scope })).join(" or ");
}

function unreadableText(
  secret: SealedSecret,
  { fault, place }: { readonly fault: "key_missing" | "broken"; readonly place: string },
): string {
  const { name, keyId } = secret;
  const what = `the secret "${name}" of ${scopeText(secret)}`;
  return fault === "key_missing"
    ? `${what} is sealed with ${keyId}, which this server does not have; add that key to ${place}, behind the first, or set the secret anew`
    : `${what} does not open with ${keyId}: what is stored is not what was sealed; set it anew, and find out who changed the store`;
}
