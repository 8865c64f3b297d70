/** What may be given: names, roles and permissions that are there, and no more than the giver has. */
import type { Holder } from "./access-cache.ts";
import {
  ACCESS_NAME,
  ACCESS_NAME_RULE,
  builtInRoles,
  didYouMean,
  exceeding,
  isBuiltInRole,
  isPermission,
  permissions,
  permissionsOf,
  WindlassError,
  type Fault,
  type Grant,
  type Permission,
  type Role,
} from "@windlass/kernel";

export function checkedName(what: string, name: string): void {
  if (what === "a role" && isBuiltInRole(name)) throw new WindlassError("conflict", `the role "${name}" is built in and cannot be changed`);
  if (ACCESS_NAME.test(name)) return;
  const message = `"${name}" cannot name ${what}; a name has ${ACCESS_NAME_RULE}`;
  throw new WindlassError("invalid", message, { faults: [{ path: "name", message }] });
}

/** The permissions that are asked for. Throws `invalid` with every role and permission that is not there. */
export function checkedGrant(
  wanted: { readonly roles: readonly string[]; readonly permissions: readonly string[] },
  roles: readonly Role[],
): ReadonlySet<Permission> {
  const known = [...builtInRoles, ...roles.map((role) => role.name)];
  const faults: Fault[] = [
    ...wanted.roles.flatMap((name, i) =>
      known.includes(name)
        ? []
        : [{ path: `roles[${i}]`, message: `there is no role "${name}"${didYouMean(name, known) || `; there are ${known.join(", ")}`}` }],
    ),
    ...wanted.permissions.flatMap((name, i) =>
      isPermission(name)
        ? []
        : [
            {
              path: `permissions[${i}]`,
              message: `there is no permission "${name}"${didYouMean(name, permissions) || "; windlass roles list shows all of them"}`,
            },
          ],
    ),
  ];
  if (faults.length > 0) throw new WindlassError("invalid", faults.map((fault) => fault.message).join("; "), { faults });
  return permissionsOf(wanted, roles);
}

/** Nobody gives more than he has. */
export function demandWithin(by: Holder, wanted: Grant): void {
  const over = exceeding(by, wanted);
  const own = (by.workspaces ?? []).join(", ");
  const lacks =
    over.permissions.length > 0
      ? `${by.name} lacks ${over.permissions.join(", ")}`
      : wanted.workspaces === null
        ? `${by.name} may use ${own}, not all workspaces`
        : `${by.name} may use ${own}, not ${over.workspaces.join(", ")}`;
  if (over.permissions.length + over.workspaces.length > 0)
    throw new WindlassError("forbidden", `nobody can give what he does not have: ${lacks}`);
}
