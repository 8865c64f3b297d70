/** `windlass schema`: of workflow files, and of every object of the API, as JSON Schema for editors and programs. */
import { didYouMean, WindlassError } from "@windlass/kernel";
import { VERSION } from "../version.ts";
import type { Call } from "../tree/call.ts";

type Schema = Readonly<Record<string, unknown>>;

/** Without a name: which there are. */
export async function schema(call: Call): Promise<void> {
  const [name] = call.args;
  const { workflowSchema } = await import("@windlass/workflows");
  const objects = await schemasOfApi();
  const names = namesAmong(objects);
  if (typeof name !== "string") return call.terminal.out(call.format === "json" ? `${JSON.stringify(names)}\n` : `${names.join("\n")}\n`);
  const found = name === "workflow" ? workflowSchema() : objects.get(name);
  if (found === undefined)
    throw new WindlassError("usage", `there is no schema "${name}"${didYouMean(name, names)}\nThere are: ${names.join(", ")}`);
  call.terminal.out(call.format === "yaml" ? (await import("yaml")).stringify(found) : `${JSON.stringify(found, null, 2)}\n`);
}

export async function schemaNames(): Promise<readonly string[]> {
  return namesAmong(await schemasOfApi());
}

function namesAmong(objects: ReadonlyMap<string, Schema>): readonly string[] {
  return ["workflow", ...[...objects.keys()].filter((each) => each !== "workflow")];
}

/** By name in kebab-case, each whole: what it refers to lies in its `$defs`. */
async function schemasOfApi(): Promise<ReadonlyMap<string, Schema>> {
  const { openApiDocument } = await import("@windlass/contract");
  const { components } = openApiDocument(VERSION) as { components: { schemas: Record<string, Schema> } };
  const { schemas } = components;
  return new Map(Object.keys(schemas).map((name) => [kebab(name), whole(name, schemas)]));
}

const REFERENCE = "#/components/schemas/";

function whole(name: string, schemas: Readonly<Record<string, Schema>>): Schema {
  const needed = new Set<string>();
  const collect = (from: string): void => {
    for (const [, other = ""] of JSON.stringify(schemas[from] ?? {}).matchAll(/"#\/components\/schemas\/([^"]+)"/gu)) {
      if (needed.has(other)) continue;
      needed.add(other);
      collect(other);
    }
  };
  collect(name);
  const $defs = Object.fromEntries([...needed].map((each) => [each, schemas[each]]));
  const text = JSON.stringify({ ...schemas[name], ...(needed.size === 0 ? {} : { $defs }) }).replaceAll(`"${REFERENCE}`, '"#/$defs/');
  return { $schema: "https://json-schema.org/draft/2020-12/schema", title: name, ...(JSON.parse(text) as Schema) };
}

function kebab(name: string): string {
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])/gu, "-").toLowerCase();
}
