/** Workspaces: the unit of tenancy. `default` is always there. */
import { DEFAULT_WORKSPACE, didYouMean, WindlassError, type Workspace } from "@windlass/kernel";
import type { AccessCache, Holder } from "./access-cache.ts";
import { checkedName } from "./access-names.ts";
import type { EngineContext } from "./context.ts";

export interface Workspaces {
  /** Those that the holder may use, `default` first. */
  list(of: Pick<Holder, "workspaces">): Promise<readonly Workspace[]>;
  /** Throws `not_found` when there is no such workspace that the holder may use. */
  demand(name: string, holder: Pick<Holder, "workspaces">): Promise<void>;
  create(name: string, by: Holder): Promise<Workspace>;
  /** Throws `conflict` when there is something in it. */
  remove(name: string): Promise<void>;
}

const NOT_EMPTY = {
  jobs: "has jobs; those that have ended can be deleted: windlass jobs list, windlass jobs delete",
  workflows: "has workflows",
  webhooks: "has webhooks: windlass webhooks list, windlass webhooks delete",
  schedules: "has schedules: windlass schedules list, windlass schedules delete",
  secrets: "has secrets: windlass secrets list, windlass secrets unset",
  tokens: "is named by a token that is still good: windlass token list, windlass token revoke",
} as const;

export function workspaces(context: EngineContext, cache: AccessCache): Workspaces {
  const { store } = context;
  const list: Workspaces["list"] = async ({ workspaces: own }) =>
    (await cache.lists()).workspaces.filter(({ name }) => own === null || own.includes(name));
  const isThere = async (name: string, of: Pick<Holder, "workspaces">): Promise<boolean> =>
    (await list(of)).some((one) => one.name === name);
  return {
    list,
    async demand(name, holder) {
      if (await isThere(name, holder)) return;
      // It may have been made elsewhere a moment ago.
      cache.forget();
      if (await isThere(name, holder)) return;
      const names = (await list(holder)).map((one) => one.name);
      const near = didYouMean(name, names);
      // Whether there is one that the holder may not use is not told.
      const hint = holder.workspaces === null ? near : ` that this token may use${near || `; it may use ${names.join(", ") || "none"}`}`;
      throw new WindlassError("not_found", `there is no workspace "${name}"${hint}`);
    },
    async create(name, by) {
      checkedName("a workspace", name);
      const workspace = { name, createdBy: by.name, createdAt: context.now() };
      const isNew = name !== DEFAULT_WORKSPACE && (await store.workspaces.add(workspace));
      if (!isNew) throw new WindlassError("conflict", `there is a workspace "${name}" already`);
      cache.changed();
      return workspace;
    },
    async remove(name) {
      if (name === DEFAULT_WORKSPACE) throw new WindlassError("conflict", `the workspace "${DEFAULT_WORKSPACE}" is always there`);
      const result = await store.workspaces.remove(name, context.now());
      cache.changed();
      if (result === "removed") return;
      if (result !== "absent") throw new WindlassError("conflict", `the workspace "${name}" ${NOT_EMPTY[result]}`);
      const names = (await cache.lists()).workspaces.map((one) => one.name);
      throw new WindlassError("not_found", `there is no workspace "${name}"${didYouMean(name, names)}`);
    },
  };
}
