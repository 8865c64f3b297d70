/** Roles that somebody made, beside the built-in ones. They never change: what a token may is what it was given. */
import { didYouMean, isBuiltInRole, WindlassError, type Permission, type Role, type Token } from "@windlass/kernel";
import type { AccessCache, Holder } from "./access-cache.ts";
import { checkedGrant, demandWithin, faultsOfName } from "./access-names.ts";
import type { EngineContext } from "./context.ts";

export interface Roles {
  /** Without the built-in ones, by name. */
  list(): Promise<readonly Role[]>;
  /** Throws `invalid` for a name that is none and permissions that are not there, `forbidden` for those that the maker lacks. */
  create(role: Pick<Role, "name" | "permissions">, by: Holder): Promise<Role>;
  /** Throws `conflict` while a token has it. */
  remove(name: string): Promise<void>;
  /** What roles and permissions come to together. */
  permissionsOf(wanted: Pick<Token, "roles" | "permissions">): Promise<ReadonlySet<Permission>>;
}

export function roles(context: EngineContext, cache: AccessCache): Roles {
  const { store } = context;
  return {
    list: async () => (await cache.lists()).roles,
    async create({ name, permissions }, by) {
      if (isBuiltInRole(name)) throw new WindlassError("conflict", `the role "${name}" is built in and cannot be changed`);
      const granted = checkedGrant({ roles: [], permissions }, [], faultsOfName("a role", name));
      demandWithin(by, { permissions: granted, workspaces: by.workspaces });
      const role = { name, permissions: [...granted], createdBy: by.name, createdAt: context.now() };
      if (!(await store.roles.add(role)))
        throw new WindlassError("conflict", `there is a role "${name}" already; delete it first, or choose another name`);
      cache.changed();
      return role;
    },
    async remove(name) {
      if (isBuiltInRole(name)) throw new WindlassError("conflict", `the role "${name}" is built in and always there`);
      const result = await store.roles.remove(name);
      cache.changed();
      if (result === "removed") return;
      if (result === "in_use")
        throw new WindlassError("conflict", `a token has the role "${name}"; revoke it first: windlass token list, windlass token revoke`);
      const names = (await cache.lists()).roles.map((role) => role.name);
      throw new WindlassError("not_found", `there is no role "${name}"${didYouMean(name, names)}`);
    },
    permissionsOf: async (wanted) => checkedGrant(wanted, (await cache.lists()).roles),
  };
}
