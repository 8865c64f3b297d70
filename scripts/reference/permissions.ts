/** Permissions: what each means, which roles have it, and which operations need it. */
import { operationList } from "@windlass/contract";
import { BUILT_IN_ROLES, builtInRoles, PERMISSIONS, permissions, permissionsOfRole } from "@windlass/kernel";
import { code, markdown, table, type ReferencePage } from "./page.ts";

export const permissionsPage: ReferencePage = {
  path: "docs/reference/permissions.md",
  render: () =>
    markdown({
      title: "Permissions and roles",
      from: "packages/kernel/src/permission.ts",
      parts: [
        "A token has roles, single permissions, or both, in some workspaces or in all. Nobody gives a token or a role more than he has.",
        table(
          ["permission", "what it allows", "roles", "operations"],
          permissions.map((permission) => [
            code(permission),
            PERMISSIONS[permission].meaning,
            builtInRoles.filter((role) => permissionsOfRole(role).includes(permission)).join(", "),
            operationList
              .filter((operation) => operation.permission === permission)
              .map(({ id }) => code(id))
              .join(", "),
          ]),
        ),
        table(
          ["role", "meaning"],
          builtInRoles.map((role) => [code(role), BUILT_IN_ROLES[role].meaning]),
        ),
        "Operations that change what all workspaces share take a token for all workspaces: " +
          `${operationList
            .filter(({ reach }) => reach === "server")
            .map(({ id }) => code(id))
            .join(", ")}.`,
      ],
    }),
};
