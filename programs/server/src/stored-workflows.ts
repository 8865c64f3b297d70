/** Stored versions of workflows, found by what people write: a name, `name@3`, `name@latest`. */
import { didYouMean, WindlassError, type Fault, type JsonObject } from "@windlass/kernel";
import type { Definition, DefinitionStore } from "@windlass/ports";
import type { ReferencesOf, StoredVersion } from "./server-parts.ts";

export const WORKFLOW_TYPE = "workflow";

interface Asked {
  readonly workspace: string;
  readonly text: string;
  /** Of a version that is given beside the name. */
  readonly wanted?: number | undefined;
}

/** By `name`, `name@2`, `name@latest`, or name and version. Throws `not_found`, and `invalid` for what is no version. */
export async function storedWorkflow(definitions: DefinitionStore, { workspace, text, wanted }: Asked): Promise<Definition> {
  const { name, version } = nameAndVersion(text, wanted);
  const key = { workspace, type: WORKFLOW_TYPE, name };
  const definition = await definitions.get({ ...key, ...(version === undefined ? {} : { version }) });
  if (definition !== null) return definition;
  const newest = version === undefined ? null : await definitions.get(key);
  if (newest !== null) throw new WindlassError("not_found", `workflow ${name} has no version ${version}; the newest is ${newest.version}`);
  const names = (await definitions.list(workspace, WORKFLOW_TYPE)).map((one) => one.name);
  const hint = names.length === 0 ? "; none is stored yet: windlass workflows apply FILE" : didYouMean(name, names);
  throw new WindlassError("not_found", `there is no workflow ${name}${hint}`);
}

interface Pinning {
  readonly workspace: string;
  readonly definition: JsonObject;
  readonly referencesOf: ReferencesOf;
}

/** More are no tree that a person follows, and each is stored with every execution of the tree. */
const PINNED_MAX = 50;

/**
 * The version of every workflow that this one comes to, itself or through others, as they are now. Throws `invalid` with
 * all that are not there.
 */
export async function pinVersions(
  definitions: DefinitionStore,
  { workspace, definition, referencesOf }: Pinning,
): Promise<ReadonlyMap<string, StoredVersion>> {
  const pinned = new Map<string, StoredVersion>();
  const faults: Fault[] = [];
  const open = referencesOf(definition).map((reference) => ({ ...reference, within: "" }));
  const seen = new Set<string>();
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const { name, path, within } = next;
    if (seen.has(name)) continue;
    seen.add(name);
    if (seen.size > PINNED_MAX) {
      faults.push({ path, message: `more than ${PINNED_MAX} workflows run each other here` });
      break;
    }
    try {
      const { id, version, body } = await storedWorkflow(definitions, { workspace, text: name });
      pinned.set(name, { id, version, body: body as JsonObject });
      open.push(...referencesOf(body as JsonObject).map((reference) => ({ ...reference, within: `${name}: ` })));
    } catch (error) {
      if (!(error instanceof WindlassError) || error.code !== "not_found") throw error;
      faults.push({ path, message: `${within}${error.message}` });
    }
  }
  if (faults.length === 0) return pinned;
  throw new WindlassError("invalid", `the workflow cannot be run: ${faults.map(({ message }) => message).join("; ")}`, { faults });
}

function nameAndVersion(text: string, wanted: number | undefined): { readonly name: string; readonly version: number | undefined } {
  const at = text.lastIndexOf("@");
  if (at < 0) return { name: text, version: wanted };
  const name = text.slice(0, at);
  if (text.slice(at + 1) === "latest") return { name, version: undefined };
  const version = Number(text.slice(at + 1));
  if (Number.isSafeInteger(version) && version > 0) return { name, version };
  throw new WindlassError("invalid", `"${text.slice(at + 1)}" is not a version; versions are 1, 2, 3, … and latest`, {
    faults: [{ path: "name", message: `write ${name}, ${name}@1 or ${name}@latest` }],
  });
}
