import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { exceeding, permissionsOf, reaches, tokenStateOf, type Grant, type Role } from "./access.ts";
import { builtInRoles, permissions, permissionsOfRole, type Permission } from "./permission.ts";

const places = fc.option(fc.uniqueArray(fc.constantFrom("a", "b", "c")), { nil: null });
const grant: fc.Arbitrary<Grant> = fc.record({
  permissions: fc.uniqueArray(fc.constantFrom(...permissions)).map((all) => new Set<Permission>(all)),
  workspaces: places,
});
const deploy: Role = { name: "deploy", permissions: ["jobs:submit", "of:the-future"], createdBy: "ann", createdAt: 0 };

describe("what may be given", () => {
  test("nothing exceeds exactly when every permission and every workspace is one's own", () => {
    fc.assert(
      fc.property(grant, grant, (own, wanted) => {
        const over = exceeding(own, wanted);
        const within = [...wanted.permissions].every((one) => own.permissions.has(one)) && reaches(own, wanted.workspaces);
        expect(over.permissions.length + over.workspaces.length === 0).toBe(within);
      }),
    );
  });

  test("who may use all workspaces reaches everything; nobody else reaches all", () => {
    fc.assert(
      fc.property(places, (workspaces) => {
        expect(reaches({ workspaces: null }, workspaces)).toBe(true);
        expect(reaches({ workspaces: ["a", "b", "c"] }, workspaces)).toBe(workspaces !== null);
      }),
    );
  });
});

describe("roles", () => {
  test("each has what the one below it has, and admin has all", () => {
    const of = Object.fromEntries(builtInRoles.map((role) => [role, new Set(permissionsOfRole(role))]));
    expect([...(of["admin"] ?? [])]).toEqual(permissions);
    for (const permission of of["read"] ?? []) expect(of["write"]).toContain(permission);
    for (const permission of of["read"] ?? []) expect(permission).toMatch(/:read$/u);
  });

  test("only admin may give rights away, look at what others did, or let commands run as the server's user", () => {
    for (const role of ["write", "read", "worker"] as const)
      for (const permission of permissionsOfRole(role))
        expect(permission).not.toMatch(/^(tokens|audit):|^(roles|workspaces):write|^jobs:command/u);
  });

  test("a token has what its roles have and what it was given besides; what is not known gives nothing", () => {
    const wanted = { roles: ["deploy", "gone"], permissions: ["queues:read", "queues:reed"] };
    expect([...permissionsOf(wanted, [deploy])]).toEqual(["jobs:submit", "queues:read"]);
    expect(permissionsOf({ roles: ["worker"], permissions: [] }, [])).toEqual(new Set(permissionsOfRole("worker")));
  });
});

test("a token expires at its time, and one that was revoked stays so", () => {
  expect(tokenStateOf({ revokedAt: null, expiresAt: null }, 5)).toBe("active");
  expect([4, 5, 6].map((now) => tokenStateOf({ revokedAt: null, expiresAt: 5 }, now))).toEqual(["active", "expired", "expired"]);
  expect(tokenStateOf({ revokedAt: 1, expiresAt: 5 }, 6)).toBe("revoked");
});
