/** The operations on secrets. A value comes in and is handed on; none goes out. */
import type { SecretJson } from "@windlass/contract";
import { SECRET_BYTES_MIN, workflowOfScope, workflowScope, WORKSPACE_SCOPE, type Secret, type SecretId } from "@windlass/kernel";
import { isoTime } from "./present-job.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

export function secretHandlers({ engine: { secrets } }: ServerContext): Handlers<"secrets"> {
  return {
    async list({ query: { workflow, limit, cursor } }, { workspace }) {
      const scope = workflow === undefined ? undefined : workflowScope(workflow);
      const found = await secrets.list({ workspace, scope, after: cursor === undefined ? undefined : placeOf(cursor), limit: limit + 1 });
      const items = found.slice(0, limit);
      const last = items.at(-1);
      return { items: items.map(presentSecret), nextCursor: found.length > limit && last !== undefined ? cursorOf(last) : null };
    },
    async set({ params, body: { value, workflow } }, { workspace, principal }) {
      const secret = await secrets.set({ workspace, scope: scopeOf(workflow), name: params.name }, value, principal.name);
      return { secret: presentSecret({ ...secret, readable: true }), masked: Buffer.byteLength(value) >= SECRET_BYTES_MIN };
    },
    async unset({ params: { name }, query: { workflow } }, { workspace }) {
      await secrets.unset({ workspace, scope: scopeOf(workflow), name });
      return { name };
    },
    async rotate() {
      const { unreadable, unused, ...rest } = await secrets.rotate();
      const named = unreadable.map(({ workspace, scope, name }) => ({ workspace, workflow: workflowOfScope(scope), name }));
      return { ...rest, unreadable: named, unused: [...unused] };
    },
  };
}

function scopeOf(workflow: string | undefined): string {
  return workflow === undefined ? WORKSPACE_SCOPE : workflowScope(workflow);
}

function presentSecret({
  workspace: _workspace,
  scope,
  createdAt,
  changedAt,
  ...rest
}: Secret & { readonly readable: boolean }): SecretJson {
  const workflow = workflowOfScope(scope);
  return {
    ...rest,
    scope: workflow === null ? "workspace" : "workflow",
    workflow,
    createdAt: isoTime(createdAt),
    changedAt: isoTime(changedAt),
  };
}

/** No name of a secret has a slash. */
function cursorOf({ scope, name }: SecretId): string {
  return `${scope}/${name}`;
}

function placeOf(cursor: string): Pick<SecretId, "scope" | "name"> {
  const at = cursor.lastIndexOf("/");
  return { scope: cursor.slice(0, Math.max(0, at)), name: cursor.slice(at + 1) };
}
