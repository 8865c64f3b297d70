/** The operations on workflows: store by name and version, check, run. */
import type { WorkflowJson } from "@windlass/contract";
import { WindlassError, type Fault, type JsonObject } from "@windlass/kernel";
import type { Definition } from "@windlass/ports";
import { definedOnly } from "./defined-only.ts";
import { submitted } from "./job-handlers.ts";
import { prepareSchedules, prepareRemoval } from "./inline-schedules.ts";
import { isoTime } from "./present-job.ts";
import type { Handlers, ServerContext } from "./server-context.ts";
import type { ReadWorkflow } from "./server-parts.ts";
import { pinVersions, storedWorkflow, WORKFLOW_TYPE } from "./stored-workflows.ts";

export function workflowHandlers(server: ServerContext): Handlers<"workflows"> {
  const { engine, workflows } = server;
  const { context } = engine;
  const { definitions } = context.store;
  return {
    async apply({ body }, asking) {
      const { workspace, expected, gate } = asking;
      const { name, labels, definition, content, schedules } = accepted(workflows.read(body.source));
      // Others will run it, with what they may.
      gate({ kind: "workflow", name, spec: definition, executor: "none" });
      const storeSchedules = schedules === undefined ? null : await prepareSchedules(server, { name, definition, schedules, asking });
      const put = {
        id: context.newId("wfv"),
        workspace,
        type: WORKFLOW_TYPE,
        name,
        labels,
        body: definition,
        hash: context.sha256(content),
        createdAt: context.now(),
      };
      const result = await definitions.put(put, expected);
      return { workflow: presentWorkflow(result.definition), created: result.created, schedules: (await storeSchedules?.()) ?? [] };
    },
    async validate({ body }) {
      const read = workflows.read(body.source);
      return "faults" in read ? { valid: false, name: null, faults: [...read.faults] } : { valid: true, name: read.name, faults: [] };
    },
    list: async (_, { workspace }) => ({ items: (await definitions.list(workspace, WORKFLOW_TYPE)).map(presentWorkflow) }),
    async get({ params, query }, { workspace }) {
      const definition = await storedWorkflow(definitions, { workspace, text: params.name, wanted: query.version });
      return { ...presentWorkflow(definition), definition: definition.body as JsonObject };
    },
    async versions({ params: { name }, query: { before, limit } }, { workspace }) {
      await storedWorkflow(definitions, { workspace, text: name });
      const found = await definitions.versions({ workspace, type: WORKFLOW_TYPE, name }, { before: before ?? null, limit: limit + 1 });
      const items = found.slice(0, limit).map(presentWorkflow);
      return { items, nextBefore: found.length > limit ? (items.at(-1)?.version ?? null) : null };
    },
    async delete({ params: { name } }, asking) {
      const { workspace, expected } = asking;
      const removeSchedules = await prepareRemoval(server, asking, name);
      const removed = await definitions.remove({ workspace, type: WORKFLOW_TYPE, name }, expected);
      if (removed > 0) {
        await removeSchedules();
        return { removed };
      }
      const { name: found } = await storedWorkflow(definitions, { workspace, text: name });
      const message = `all versions of a workflow go together; to remove ${found}, name it without a version`;
      throw new WindlassError("invalid", message, { faults: [{ path: "name", message }] });
    },
    async run({ body }, { principal, workspace, jobs }) {
      const { name, source, input, executor, notBefore, startDeadline, labels, ...rest } = body;
      const { definition, versionId } = await definitionOf(server, { workspace, name, source });
      const { referencesOf } = workflows;
      const pinned = await pinVersions(definitions, { workspace, definition, referencesOf });
      const execution = workflows.execution({ definition, versionId, input, pinned, ...definedOnly({ executor }) });
      const request = {
        ...execution,
        ...definedOnly(rest),
        labels: { ...execution.labels, ...labels },
        cause: { type: "user", by: principal.name },
        ...(notBefore === undefined ? {} : { notBefore: Date.parse(notBefore) }),
        ...(startDeadline === undefined ? {} : { startDeadline: Date.parse(startDeadline) }),
      } as const;
      return submitted(engine, await jobs.submit(request));
    },
  };
}

interface Asked {
  readonly workspace: string;
  readonly name?: string | undefined;
  readonly source?: string | undefined;
}

/** Of a stored workflow or of the text of a file, whichever was given. */
async function definitionOf(
  { workflows, engine }: ServerContext,
  { workspace, name, source }: Asked,
): Promise<{ readonly definition: JsonObject; readonly versionId: string | null }> {
  if ((name === undefined) === (source === undefined)) {
    throw new WindlassError("invalid", "give either name or source", {
      faults: [{ path: "name", message: "give either the name of a stored workflow, or source, the text of a file" }],
    });
  }
  if (source !== undefined) return { definition: accepted(workflows.read(source)).definition, versionId: null };
  const definition = await storedWorkflow(engine.context.store.definitions, { workspace, text: name ?? "" });
  return { definition: definition.body as JsonObject, versionId: definition.id };
}

function accepted(read: ReadWorkflow | { readonly faults: readonly Fault[] }): ReadWorkflow {
  if ("faults" in read)
    throw new WindlassError(
      "invalid",
      `the workflow has ${read.faults.length} ${read.faults.length === 1 ? "fault" : "faults"}: ${read.faults.map(faultText).join("; ")}`,
      { faults: read.faults },
    );
  return read;
}

function faultText({ line, column, path, message }: Fault): string {
  const place = line === undefined ? "" : `line ${line}${column === undefined ? "" : `, column ${column}`}: `;
  return `${place}${path === "" ? "" : `${path}: `}${message}`;
}

function presentWorkflow({ id, name, version, hash, labels, createdAt }: Definition): WorkflowJson {
  return { id, name, version, hash, labels: { ...labels }, createdAt: isoTime(createdAt) };
}
