/** Contract: workspaces, roles, tokens, and the audit. */
import { expect, test } from "vitest";
import { encodeId, queueKeyOf, type AuditEntry, type Role, type Token } from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import { jobRecord, sealedSecret, T0, webhookOf } from "./factories.ts";
import { commitOne } from "./store-contract-commit.ts";
import type { Subject } from "./store-subject.ts";

const role: Role = { name: "deploy", permissions: ["jobs:read", "jobs:submit"], createdBy: "ann", createdAt: T0 };
const token: Token = {
  id: "tok_1",
  name: "ci",
  hash: "a".repeat(64),
  roles: ["deploy"],
  permissions: ["queues:read"],
  workspaces: ["acme"],
  createdBy: "ann",
  createdAt: T0,
  expiresAt: T0 + 100,
  revokedBy: null,
  revokedAt: null,
  lastUsedAt: null,
};
const acme = { name: "acme", createdBy: "ann", createdAt: T0 };

/** How each of what belongs to a workspace is stored. */
const PUTS = {
  workflows: ({ definitions }, workspace) =>
    definitions.put({ id: `wfv_${workspace}`, workspace, type: "workflow", name: "a", hash: "h", body: {}, labels: {}, createdAt: T0 }),
  webhooks: ({ webhooks }, workspace) => webhooks.put(webhookOf({ workspace }), null),
  secrets: ({ secrets }, workspace) => secrets.put(sealedSecret({ workspace })),
  queues: ({ queues }, workspace) => queues.put(queueKeyOf(workspace, "mail"), { paused: true }, T0),
} as const satisfies Record<string, (store: Store, workspace: string) => Promise<unknown>>;

/** Begins them all in this order, and tells what each came to: its value, or why not. */
async function raced(acts: readonly (() => Promise<unknown>)[]): Promise<unknown[]> {
  return (await Promise.allSettled(acts.map((act) => act()))).map((end) => (end.status === "fulfilled" ? end.value : end.reason));
}

/** Of a race: who is first differs. */
const ROUNDS = 10;

export function describeAccess(subject: Subject): void {
  test("a workspace is made once, and goes only when nothing is in it", async () => {
    const { store } = subject;
    expect(await store.workspaces.list()).toEqual([]);
    expect([await store.workspaces.add(acme), await store.workspaces.add({ ...acme, createdBy: "bob" })]).toEqual([true, false]);
    expect(await store.workspaces.list()).toEqual([acme]);
    await store.workspaces.add({ ...acme, name: "acmes" });
    await store.queues.put("acme:mail", { paused: true, by: "ann" }, T0);
    await store.queues.put("acmes:mail", {}, T0);
    await store.roles.add(role);
    await store.tokens.add(token);
    expect(await store.workspaces.remove("acme", T0 + 99)).toBe("tokens");
    const definition = { id: "wfv_1", workspace: "acme", type: "workflow", name: "a", hash: "h", body: {}, labels: {}, createdAt: T0 };
    await store.definitions.put(definition);
    expect(await store.workspaces.remove("acme", T0 + 100)).toBe("workflows");
    await commitOne(store, { type: "submit", job: jobRecord({ workspace: "acme" }) });
    expect(await store.workspaces.remove("acme", T0 + 100)).toBe("jobs");
    await store.workspaces.add({ ...acme, name: "empty" });
    expect([await store.workspaces.remove("empty", T0), await store.workspaces.remove("empty", T0)]).toEqual(["removed", "absent"]);
    expect(await store.workspaces.list()).toEqual([acme, { ...acme, name: "acmes" }]);
  });

  test("with a workspace go the settings of its queues, and of no others", async () => {
    const { store } = subject;
    for (const name of ["acme", "acmes"]) await store.workspaces.add({ ...acme, name });
    for (const key of ["acme:mail", "acmes:mail", "mail"]) await store.queues.put(key, {}, T0);
    expect(await store.workspaces.remove("acme", T0)).toBe("removed");
    expect((await store.queues.list()).map((queue) => queue.name)).toEqual(["acmes:mail", "mail"]);
  });

  test("a role is made once, and goes only when no token has it that was not revoked", async () => {
    const { roles, tokens, workspaces } = subject.store;
    await workspaces.add(acme);
    expect([await roles.add(role), await roles.add({ ...role, permissions: [] })]).toEqual([true, false]);
    await roles.add({ ...role, name: "deploy-all" });
    await tokens.add(token);
    expect(await roles.list()).toEqual([role, { ...role, name: "deploy-all" }]);
    expect([await roles.remove("deploy"), await roles.remove("deploy-all"), await roles.remove("none")]).toEqual([
      "in_use",
      "removed",
      "absent",
    ]);
    await tokens.revoke("tok_1", "bob", T0 + 1);
    expect(await roles.remove("deploy")).toBe("removed");
  });

  test("a token is found by its hash, is revoked once, and frees its name by that", async () => {
    const { tokens, roles, workspaces } = subject.store;
    await roles.add(role);
    await workspaces.add(acme);
    const everywhere = { ...token, id: "tok_2", name: "all", hash: "b".repeat(64), workspaces: null, expiresAt: null };
    expect([await tokens.add(token), await tokens.add({ ...token, id: "tok_3", hash: "c" }), await tokens.add(everywhere)]).toEqual([
      "added",
      "taken",
      "added",
    ]);
    expect([await tokens.byHash(token.hash), await tokens.byHash(everywhere.hash), await tokens.byHash("c")]).toEqual([
      token,
      everywhere,
      null,
    ]);
    expect(await tokens.byIds(["tok_2", "tok_9"])).toEqual([everywhere]);
    expect(await tokens.byIds(["tok_1", "tok_2"])).toHaveLength(2);
    expect(await tokens.byIds([])).toEqual([]);
    await tokens.used("tok_1", T0 + 5);
    expect([await tokens.revoke("tok_1", "bob", T0 + 6), await tokens.revoke("tok_1", "eve", T0 + 7)]).toEqual([true, false]);
    expect(await tokens.add({ ...token, id: "tok_4", hash: "d" })).toBe("added");
    const revoked = { ...token, lastUsedAt: T0 + 5, revokedBy: "bob", revokedAt: T0 + 6 };
    expect(await tokens.list()).toEqual([revoked, everywhere, { ...token, id: "tok_4", hash: "d" }]);
  });

  test("nothing is stored in a workspace that is not there, and none goes while something comes into it", async () => {
    const { store } = subject;
    const submit = () => commitOne(store, { type: "submit", job: jobRecord({ workspace: "acme" }) });
    expect(await submit()).toMatchObject({ ok: false, refusal: { code: "not_found", why: 'there is no workspace "acme"' } });
    for (let round = 0; round < ROUNDS; round++) {
      await store.workspaces.add(acme);
      const [submitted, removed] = await Promise.all(
        round % 2 === 0 ? [submit(), store.workspaces.remove("acme", T0)] : [store.workspaces.remove("acme", T0), submit()].toReversed(),
      );
      expect([submitted, removed]).toEqual([
        expect.objectContaining({ ok: removed === "jobs" }),
        expect.stringMatching(/^(jobs|removed)$/u),
      ]);
      if (removed === "jobs") return;
    }
  });

  test.each(["workflows", "webhooks", "secrets", "queues"] as const)(
    "%s come into no workspace that is gone, and none goes while they come",
    async (what) => {
      const { store } = subject;
      const put = PUTS[what];
      const absent = expect.objectContaining({ code: "not_found", message: 'there is no workspace "acme"' });
      await expect(put(store, "acme")).rejects.toEqual(absent);
      await expect(put(store, "default")).resolves.toBeDefined();
      for (let round = 0; round < ROUNDS; round++) {
        await store.workspaces.add(acme);
        const both = [() => put(store, "acme"), () => store.workspaces.remove("acme", T0)];
        const [stored, removed] = round % 2 === 0 ? await raced(both) : (await raced(both.toReversed())).toReversed();
        // The settings of queues go with their workspace; all else keeps it.
        if (what === "queues") expect((await store.queues.list()).map(({ name }) => name)).toEqual(["mail"]);
        else expect([stored, removed]).toEqual(removed === "removed" ? [absent, "removed"] : [expect.anything(), what]);
        if (removed !== "removed") return;
      }
    },
  );

  test("a token names no role and no workspace that is not there, and none goes while a token comes that names it", async () => {
    const { roles, tokens, workspaces } = subject.store;
    expect(await tokens.add({ ...token, workspaces: null })).toBe("absent");
    await roles.add(role);
    expect(await tokens.add(token)).toBe("absent");
    expect(await tokens.add({ ...token, id: "tok_0", name: "built-in", hash: "0", roles: ["read"], workspaces: ["default"] })).toBe(
      "added",
    );
    for (let round = 0; round < ROUNDS; round++) {
      await roles.add(role);
      await workspaces.add(acme);
      const id = `tok_r${round}`;
      const [added, role_, space] = await Promise.all([
        tokens.add({ ...token, id, name: id, hash: id }),
        roles.remove("deploy"),
        workspaces.remove("acme", T0),
      ]);
      expect([added === "added", added === "added"]).toEqual([role_ === "in_use", space === "tokens"]);
      if (added === "added") await tokens.revoke(id, "bob", T0);
    }
  });

  test("the audit is listed newest first, by each field, behind an id, and loses its oldest", async () => {
    const { audit } = subject.store;
    const idAt = (n: number): string => encodeId("aud", T0 + n, new Uint8Array(10));
    const entry = (n: number, more: Partial<AuditEntry> = {}): AuditEntry => ({
      id: idAt(n),
      at: T0 + n,
      workspace: "default",
      actorId: "tok_1",
      actorName: "ci",
      operation: "jobs.cancel",
      object: "job_1",
      outcome: "ok",
      requestId: `req_${n}`,
      ...more,
    });
    const all = [
      entry(1),
      entry(2, { workspace: "acme" }),
      entry(3, { actorId: "admin", actorName: "admin", object: null }),
      entry(4, { operation: "jobs.submit", outcome: "forbidden", object: "job_2" }),
    ];
    await audit.add([]);
    await audit.add(all.slice(0, 3));
    await audit.add(all.slice(3));
    const found = async (filter: object): Promise<string[]> =>
      (await audit.list({ workspaces: null, limit: 10, ...filter })).map((one) => String(one.at - T0));
    expect((await audit.list({ workspaces: null, limit: 10 })).toReversed().slice(0, 3)).toEqual(all.slice(0, 3));
    expect(await found({ limit: 2 })).toEqual(["4", "3"]);
    expect(await found({ after: idAt(3) })).toEqual(["2", "1"]);
    expect(await found({ workspaces: ["acme"] })).toEqual(["2"]);
    expect(await found({ workspaces: ["acme", "default"], actor: "ci" })).toEqual(["4", "2", "1"]);
    expect(await found({ workspaces: ["default", "acme", "none", "acme"], limit: 3, after: idAt(4) })).toEqual(["3", "2", "1"]);
    expect([await found({ workspaces: ["acme", "default"], limit: 2 }), await found({ workspaces: [] })]).toEqual([["4", "3"], []]);
    expect([await found({ actor: "admin" }), await found({ actor: "tok_1", object: "job_1" })]).toEqual([["3"], ["2", "1"]]);
    expect([await found({ operation: "jobs.submit" }), await found({ outcome: "ok", since: T0 + 2, until: T0 + 3 })]).toEqual([
      ["4"],
      ["2"],
    ]);
    expect([await audit.prune(T0 + 3, 1), await found({}), await audit.prune(T0 + 3, 9)]).toEqual([1, ["4", "3", "2"], 1]);
  });
}
