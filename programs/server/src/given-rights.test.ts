/** What somebody may give to others: no more than he has himself. */
import { ADMIN, type Holder } from "@windlass/engine";
import { hasCode, permissions } from "@windlass/kernel";
import { afterEach, beforeEach, expect, test } from "vitest";
import { testServer, type TestServer } from "./server-fixture.ts";

const OWN = "own";
const FOREIGN = "foreign";
const admin: Holder = { id: ADMIN, name: ADMIN, permissions: new Set(permissions), workspaces: null };

let server: TestServer;
beforeEach(async () => {
  server = await testServer();
});
afterEach(() => server.close());

test("nobody gives more than he has", async () => {
  const { tokens, roles, workspaces } = server.engine.access;
  for (const name of [OWN, FOREIGN]) await workspaces.create(name, admin);
  const { secret } = await server.api.tokens.create({
    name: "giver",
    permissions: ["tokens:write", "roles:write", "jobs:read"],
    workspaces: [OWN],
  });
  const own = await tokens.holderOf(secret);
  const refused = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "given",
      (error: Error) => (hasCode(error, "forbidden") ? error.message : `not forbidden: ${error.message}`),
    );
  const wanted = { name: "more", roles: [], permissions: ["jobs:read"], workspaces: [OWN], expiresAt: null };
  expect(await refused(tokens.create({ ...wanted, permissions: ["jobs:read", "jobs:delete"] }, own))).toContain("jobs:delete");
  expect(await refused(tokens.create({ ...wanted, roles: ["write"] }, own))).toContain("lacks jobs:submit");
  expect(await refused(tokens.create({ ...wanted, workspaces: null }, own))).toContain(`may use ${OWN}, not all workspaces`);
  expect(await refused(tokens.create({ ...wanted, workspaces: [OWN, FOREIGN] }, own))).toContain(`not ${FOREIGN}`);
  expect(await refused(roles.create({ name: "more", permissions: ["audit:read"] }, own))).toContain("audit:read");
  expect(await refused(tokens.create(wanted, own))).toBe("given");
});
