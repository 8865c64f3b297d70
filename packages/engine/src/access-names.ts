/** What may be given: names, roles and permissions that are there, and no more than the giver has. */
import type { Holder } from "./access-cache.ts";
import {
  ACCESS_NAME,
  ACCESS_NAME_RULE,
  builtInRoles,
  didYouMean,
  exceeding,
  isPermission,
  permissions,
  permissionsOf,
  WindlassError,
  type Fault,
  type Grant,
  type Permission,
  type Role,
} from "@windlass/kernel";

/** Throws `invalid`. */
export function checkedName(what: string, name: string): void {
  const faults = faultsOfName(what, name);
  const [fault] = faults;
  if (fault !== undefined) throw new WindlassError("invalid", fault.message, { faults });
}

export function faultsOfName(what: string, name: string): Fault[] {
  if (ACCESS_NAME.test(name)) return [];
  return [{ path: "name", message: `"${name}" cannot name ${what}; a name has ${ACCESS_NAME_RULE}` }];
}

interface Wanted {
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
}

/** The permissions that are asked for. Throws `invalid` with every role and permission that is not there, behind what else is wrong. */
export function checkedGrant(wanted: Wanted, roles: readonly Role[], others: readonly Fault[] = []): ReadonlySet<Permission> {
  const faults = [...others, ...faultsOfGrant(wanted, roles)];
  if (faults.length > 0) throw new WindlassError("invalid", faults.map((fault) => fault.message).join("; "), { faults });
  return permissionsOf(wanted, roles);
}

function faultsOfGrant(wanted: Wanted, roles: readonly Role[]): Fault[] {
  const known = [...builtInRoles, ...roles.map((role) => role.name)];
  return [
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
