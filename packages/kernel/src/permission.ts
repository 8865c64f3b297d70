/**
 * Every permission, once, with the built-in roles that have it. An operation names the one that it needs; whoever adds
 * an operation takes one from here or adds its row. `admin` has all of them.
 */
export const PERMISSIONS = {
  "jobs:read": { roles: ["write", "read"], meaning: "see jobs, their attempts, events and logs" },
  "jobs:submit": { roles: ["write"], meaning: "submit jobs, and run those that have ended again" },
  "jobs:command": {
    roles: [],
    meaning: "let the jobs that one submits, runs again or runs by workflows start commands with the rights of the server",
  },
  "jobs:cancel": { roles: ["write"], meaning: "ask for the end of jobs" },
  "jobs:signal": { roles: ["write"], meaning: "send signals to executions" },
  "jobs:approve": { roles: ["write"], meaning: "approve and reject what waits for it" },
  "jobs:resume": { roles: ["write"], meaning: "let parked jobs go on" },
  "jobs:delete": { roles: ["write"], meaning: "remove jobs that have ended, with their logs" },
  "workflows:read": { roles: ["write", "read"], meaning: "see and check workflows" },
  "workflows:write": { roles: ["write"], meaning: "store, disable and enable workflows" },
  "workflows:run": { roles: ["write"], meaning: "run workflows" },
  "schedules:read": { roles: ["write", "read"], meaning: "see schedules, when they fire, and what became of their times" },
  "schedules:write": {
    roles: ["write"],
    meaning: "make, change, pause and delete schedules, run them now or for the past: what they run is run without asking again",
  },
  "queues:read": { roles: ["write", "read", "worker"], meaning: "see queues and their figures" },
  "queues:write": { roles: ["write"], meaning: "pause, resume, limit and delete queues, and move what waits in them" },
  "workers:connect": { roles: ["write", "worker"], meaning: "carry jobs out with handlers, over a connection of its own" },
  "workers:read": { roles: ["write", "read"], meaning: "see who carries jobs out, and what they are at" },
  "settings:read": { roles: [], meaning: "see the settings of the server (never its secrets)" },
  "queues:purge": { roles: ["write"], meaning: "cancel everything that waits in a queue" },
  "deadletters:read": { roles: ["write", "read"], meaning: "see dead letters" },
  "deadletters:redrive": { roles: ["write"], meaning: "run dead letters again, as new jobs" },
  "deadletters:purge": { roles: ["write"], meaning: "strike dead letters off the list" },
  "secrets:read": { roles: ["write", "read"], meaning: "see the names of secrets (never their values)" },
  "secrets:write": { roles: ["write"], meaning: "set and unset secrets, and seal them with another key" },
  "webhooks:read": { roles: ["write", "read"], meaning: "see webhooks, and what was told to them" },
  "webhooks:write": { roles: ["write"], meaning: "have events told to servers elsewhere, and send what was given up again" },
  "system:read": { roles: ["write", "read", "worker"], meaning: "see the server's version, store and figures" },
  "system:backup": { roles: [], meaning: "write everything that is stored into a folder of the server's disk" },
  "workspaces:read": { roles: ["write", "read"], meaning: "see the workspaces that one may use" },
  "workspaces:write": { roles: [], meaning: "make workspaces, and delete empty ones" },
  "tokens:read": { roles: [], meaning: "see tokens (never their secrets)" },
  "tokens:write": { roles: [], meaning: "make and revoke tokens, with no more than one has" },
  "roles:read": { roles: ["write", "read"], meaning: "see roles and what they may do" },
  "roles:write": { roles: [], meaning: "make and delete roles, with no more than one has" },
  "audit:read": { roles: [], meaning: "see who changed what, and who was refused" },
} as const satisfies Record<string, { readonly roles: readonly Exclude<BuiltInRole, "admin">[]; readonly meaning: string }>;

export type Permission = keyof typeof PERMISSIONS;
export const permissions = Object.keys(PERMISSIONS) as Permission[];

/** Roles that are always there. */
export const BUILT_IN_ROLES = {
  admin: { meaning: "everything" },
  write: { meaning: "work with jobs, workflows and queues" },
  read: { meaning: "look, and change nothing" },
  worker: { meaning: "carry jobs out, for programs with handlers" },
} as const;
export type BuiltInRole = "admin" | "write" | "read" | "worker";
export const builtInRoles = Object.keys(BUILT_IN_ROLES) as BuiltInRole[];

/** The permissions of a built-in role, in the order of the table. */
export function permissionsOfRole(role: BuiltInRole): readonly Permission[] {
  return permissions.filter((permission) => {
    const { roles }: { readonly roles: readonly string[] } = PERMISSIONS[permission];
    return role === "admin" || roles.includes(role);
  });
}

/** For messages: the built-in roles that have it. */
export function whoHas(permission: Permission): string {
  const roles = builtInRoles.filter((role) => permissionsOfRole(role).includes(permission));
  return roles.length === 1 ? `the role ${roles.join("")} has it` : `the roles ${roles.join(", ")} have it`;
}

export function isPermission(text: string): text is Permission {
  return Object.hasOwn(PERMISSIONS, text);
}

export function isBuiltInRole(text: string): text is BuiltInRole {
  return Object.hasOwn(BUILT_IN_ROLES, text);
}

/** Of workspaces, roles and tokens: short, and legal in addresses, headers and host names. */
export const ACCESS_NAME = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/u;
export const ACCESS_NAME_RULE = "1 to 63 lower-case letters, digits and -, beginning with a letter and not ending with -";
