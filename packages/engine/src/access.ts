/** Who may do what: workspaces, roles and tokens of one store, behind one cache. */
import { accessCache } from "./access-cache.ts";
import { roles, type Roles } from "./access-roles.ts";
import { tokens, type Tokens } from "./access-tokens.ts";
import { workspaces, type Workspaces } from "./access-workspaces.ts";
import type { EngineContext } from "./context.ts";

export interface Access {
  readonly workspaces: Workspaces;
  readonly roles: Roles;
  readonly tokens: Tokens;
}

export function access(context: EngineContext): Access {
  const cache = accessCache(context);
  const spaces = workspaces(context, cache);
  return { workspaces: spaces, roles: roles(context, cache), tokens: tokens(context, cache, spaces) };
}
