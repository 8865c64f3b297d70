/** The operations on workflows: store by name and version, check, run. */
import type { WorkflowJson } from "@windlass/contract";
import { disableDefinition } from "@windlass/engine";
import { WindlassError, type DisabledDefinition, type Fault, type JsonObject } from "@windlass/kernel";
import type { Definition, DefinitionStore } from "@windlass/ports";
import { demand } from "./authenticate.ts";
import { definedOnly } from "./defined-only.ts";
import { submitted } from "./job-handlers.ts";
import { prepareSchedules, prepareRemoval } from "./inline-schedules.ts";
import { pageOf } from "./page-of.ts";
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
      return {
        workflow: await presented(definitions, result.definition),
        created: result.created,
        schedules: (await storeSchedules?.()) ?? [],
      };
    },
    async validate({ body }) {
      const read = workflows.read(body.source);
      return "faults" in read ? { valid: false, name: null, faults: [...read.faults] } : { valid: true, name: read.name, faults: [] };
    },
    async list({ query }, { workspace }) {
      const { items, nextCursor } = pageOf(await definitions.list(workspace, WORKFLOW_TYPE), query, ({ name }) => name);
      return { items: await presentAll(definitions, items), nextCursor };
    },
    async get({ params, query }, { workspace }) {
      const definition = await storedWorkflow(definitions, { workspace, text: params.name, wanted: query.version });
      return { ...(await presented(definitions, definition)), definition: definition.body as JsonObject };
    },
    async versions({ params: { name }, query: { before, limit } }, { workspace }) {
      await storedWorkflow(definitions, { workspace, text: name });
      const found = await definitions.versions({ workspace, type: WORKFLOW_TYPE, name }, { before: before ?? null, limit: limit + 1 });
      const items = await presentAll(definitions, found.slice(0, limit));
      return { items, nextBefore: found.length > limit ? (items.at(-1)?.version ?? null) : null };
    },
    ...holding(server),
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

/** That nothing new of a workflow is taken, that it is again, and that it goes: with all its versions. */
function holding(server: ServerContext): Pick<Handlers<"workflows">, "disable" | "enable" | "delete"> {
  const { context } = server.engine;
  const { definitions } = context.store;
  return {
    async disable({ params: { name }, body: { reason = null } }, { workspace, principal }) {
      const mark = { workspace, type: WORKFLOW_TYPE, name, disabledBy: principal.name, disabledAt: context.now(), reason };
      const done = await disableDefinition(context, mark, () =>
        demand(principal, { permission: "jobs:cancel", id: "workflows.disable, of one with executions that have not begun," }),
      );
      if (done === null) throw await ofAllVersions(definitions, { workspace, text: name });
      return {
        workflow: await presented(definitions, await storedWorkflow(definitions, { workspace, text: name })),
        cancelled: done.cancelled,
      };
    },
    async enable({ params: { name } }, { workspace }) {
      const definition = await definitions.get({ workspace, type: WORKFLOW_TYPE, name });
      if (definition === null) throw await ofAllVersions(definitions, { workspace, text: name });
      await definitions.enable(definition);
      return presented(definitions, definition);
    },
    async delete({ params: { name } }, asking) {
      const { workspace, expected } = asking;
      const removeSchedules = await prepareRemoval(server, asking, name);
      const removed = await definitions.remove({ workspace, type: WORKFLOW_TYPE, name }, expected);
      if (removed > 0) {
        await removeSchedules();
        return { removed };
      }
      throw await ofAllVersions(definitions, { workspace, text: name });
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

/** What to throw when a name is that of no workflow: there is none, or it names one version. */
async function ofAllVersions(
  definitions: DefinitionStore,
  asked: { readonly workspace: string; readonly text: string },
): Promise<WindlassError> {
  const { name } = await storedWorkflow(definitions, asked);
  const message = `this is done with all versions of a workflow together: name ${name} without a version`;
  return new WindlassError("invalid", message, { faults: [{ path: "name", message }] });
}

async function presented(definitions: DefinitionStore, definition: Definition): Promise<WorkflowJson> {
  const [mark] = await definitions.disabled([definition]);
  return presentWorkflow(definition, mark);
}

async function presentAll(definitions: DefinitionStore, all: readonly Definition[]): Promise<WorkflowJson[]> {
  const [first] = all;
  if (first === undefined) return [];
  const names = [...new Set(all.map(({ name }) => name))];
  const { workspace, type } = first;
  const marks = new Map((await definitions.disabled(names.map((name) => ({ workspace, type, name })))).map((mark) => [mark.name, mark]));
  return all.map((definition) => presentWorkflow(definition, marks.get(definition.name)));
}

function presentWorkflow({ id, name, version, hash, labels, createdAt }: Definition, mark: DisabledDefinition | undefined): WorkflowJson {
  const disabled = mark === undefined ? null : { by: mark.disabledBy, at: isoTime(mark.disabledAt), reason: mark.reason };
  return { id, name, version, hash, labels: { ...labels }, createdAt: isoTime(createdAt), disabled };
}
