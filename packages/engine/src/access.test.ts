import { permissions, type Token } from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { access, type Access } from "./access.ts";
import type { Holder } from "./access-cache.ts";
import type { NewToken } from "./access-tokens.ts";
import { engineFixture, type EngineFixture } from "./engine-fixture.ts";
import { localBus } from "./local-bus.ts";

const admin: Holder = { id: "admin", name: "admin", permissions: new Set(permissions), workspaces: null };
const wanted: NewToken = { name: "ci", roles: ["read"], permissions: [], workspaces: ["default"], expiresAt: null };

let fixture: EngineFixture;
let here: Access;
let calls: Record<string, number>;

/** Counts the calls of the store of tokens. */
function counted(store: Store): Store {
  const tokens = Object.fromEntries(
    Object.entries(store.tokens).map(([name, method]: [string, (...given: unknown[]) => Promise<unknown>]) => [
      name,
      (...given: unknown[]) => {
        calls[name] = (calls[name] ?? 0) + 1;
        return method(...given);
      },
    ]),
  );
  return { ...store, tokens: tokens as unknown as Store["tokens"] };
}

beforeEach(async () => {
  calls = {};
  fixture = await engineFixture({ wrap: counted });
  here = fixture.engine.access;
});

afterEach(() => fixture.close());

/** Another process on the same store, whose bus hears nothing of this one. */
const elsewhere = (): Access => access({ ...fixture.engine.context, bus: localBus() });

describe("a token", () => {
  test("opens what it was given until it is revoked, and is remembered meanwhile", async () => {
    const { token, secret } = await here.tokens.create(wanted, admin);
    expect(secret).toMatch(/^wl_[0-9a-f]{48}$/u);
    for (let i = 0; i < 5; i++)
      expect(await here.tokens.holderOf(secret)).toMatchObject({ id: token.id, name: "ci", workspaces: ["default"] });
    expect(calls["byHash"]).toBe(1);
    await here.tokens.revoke("ci", { ...admin, name: "ada" });
    await expect(here.tokens.holderOf(secret)).rejects.toMatchObject({
      code: "unauthorized",
      message: expect.stringContaining('the token "ci" was revoked by ada at 2026-01-01T00:00:00'),
    });
    for (const again of [token.id, "ci"]) expect(await here.tokens.revoke(again, admin)).toMatchObject({ id: token.id, revokedBy: "ada" });
    await expect(here.tokens.revoke("cd", admin)).rejects.toMatchObject({ code: "not_found" });
  });

  test("that was revoked elsewhere opens nothing after two seconds, though nobody was told", async () => {
    const { secret } = await here.tokens.create(wanted, admin);
    const there = elsewhere();
    await there.tokens.holderOf(secret);
    await here.tokens.revoke("ci", admin);
    await fixture.clock.advance(1_999);
    await expect(there.tokens.holderOf(secret)).resolves.toMatchObject({ name: "ci" });
    await fixture.clock.advance(1);
    await expect(there.tokens.holderOf(secret)).rejects.toMatchObject({ code: "unauthorized" });
  });

  test("that is revoked while it is looked up is not remembered as good", async () => {
    const { secret } = await here.tokens.create(wanted, admin);
    const late = here.tokens.holderOf(secret).catch(() => {});
    await Promise.all([late, here.tokens.revoke("ci", admin)]);
    await expect(here.tokens.holderOf(secret)).rejects.toMatchObject({ code: "unauthorized" });
  });

  test("expires at its time, to the millisecond and also when it is remembered", async () => {
    const expiresAt = fixture.clock.now() + 1_000;
    const { secret } = await here.tokens.create({ ...wanted, expiresAt }, admin);
    await fixture.clock.advance(999);
    await here.tokens.holderOf(secret);
    await fixture.clock.advance(1);
    await expect(here.tokens.holderOf(secret)).rejects.toMatchObject({ message: expect.stringContaining('the token "ci" expired at') });
  });

  test("has its last use noted once a minute, however often it is used", async () => {
    const { token, secret } = await here.tokens.create(wanted, admin);
    const lastUse = async (): Promise<Token["lastUsedAt"]> =>
      (await here.tokens.list(admin)).find(({ id }) => id === token.id)?.lastUsedAt ?? null;
    const first = fixture.clock.now();
    for (let second = 0; second < 59; second++) {
      await here.tokens.holderOf(secret);
      await fixture.clock.advance(1_000);
    }
    expect([calls["used"], await lastUse()]).toEqual([1, first]);
    await fixture.clock.advance(1_000);
    await here.tokens.holderOf(secret);
    expect([calls["used"], await lastUse()]).toEqual([2, first + 60_000]);
  });

  test.each([
    [{ roles: ["rite"] }, "invalid", 'there is no role "rite"; did you mean "write"?'],
    [{ permissions: ["jobs:cancell"] }, "invalid", 'there is no permission "jobs:cancell"; did you mean "jobs:cancel"?'],
    [{ roles: [] }, "invalid", "a token needs at least one role"],
    [{ name: "My token" }, "invalid", '"My token" cannot name a token; a name has 1 to 63 lower-case letters'],
    [{ name: "admin" }, "conflict", 'there is a token "admin" already'],
    [{ workspaces: ["defualt"] }, "not_found", 'there is no workspace "defualt"; did you mean "default"?'],
    [{ expiresAt: 5 }, "invalid", "expiresAt lies in the past"],
  ] as const)("with %j is refused", async (change, code, message) => {
    await expect(here.tokens.create({ ...wanted, ...change }, admin)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  test("that has many faults is refused with all of them", async () => {
    const wrong = { name: "My token", roles: ["rite"], permissions: ["jobs:cancell"], workspaces: ["default"], expiresAt: 5 };
    await expect(here.tokens.create(wrong, admin)).rejects.toMatchObject({
      code: "invalid",
      faults: ["name", "expiresAt", "roles[0]", "permissions[0]"].map((path) => ({ path, message: expect.any(String) })),
    });
    await expect(here.roles.create({ name: "My role", permissions: ["jobs:cancell"] }, admin)).rejects.toMatchObject({
      code: "invalid",
      faults: ["name", "permissions[0]"].map((path) => ({ path, message: expect.any(String) })),
    });
  });

  test("is not there for who may not use all of its workspaces", async () => {
    await here.workspaces.create("acme", admin);
    await here.tokens.create({ ...wanted, name: "both", workspaces: ["acme", "default"] }, admin);
    const acme = { ...admin, name: "eve", workspaces: ["acme"] };
    expect(await here.tokens.list(acme)).toEqual([]);
    await expect(here.tokens.revoke("both", acme)).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("a workspace", () => {
  test("that was made elsewhere a moment ago can be used", async () => {
    await here.workspaces.list(admin);
    await elsewhere().workspaces.create("acme", admin);
    await here.workspaces.demand("acme", admin);
    await expect(here.workspaces.demand("acne", admin)).rejects.toMatchObject({
      message: 'there is no workspace "acne"; did you mean "acme"?',
    });
  });

  test("is told to nobody who may not use it", async () => {
    await here.workspaces.create("acme", admin);
    const other = { workspaces: ["default"] };
    expect((await here.workspaces.list(other)).map(({ name }) => name)).toEqual(["default"]);
    await expect(here.workspaces.demand("acme", other)).rejects.toMatchObject({
      code: "not_found",
      message: 'there is no workspace "acme" that this token may use; it may use default',
    });
  });

  test("goes when it is empty; default stays", async () => {
    await here.workspaces.create("acme", admin);
    await expect(here.workspaces.create("acme", admin)).rejects.toMatchObject({ code: "conflict" });
    await fixture.submit({ workspace: "acme" });
    await expect(here.workspaces.remove("acme")).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining('"acme" has jobs'),
    });
    await expect(here.workspaces.remove("default")).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("always there"),
    });
    await here.workspaces.create("empty", admin);
    await here.workspaces.remove("empty");
    await expect(here.workspaces.remove("empty")).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("a role", () => {
  test("gives what it was made with, and goes when no token has it", async () => {
    await here.roles.create({ name: "stop-jobs", permissions: ["jobs:read", "jobs:cancel"] }, admin);
    const { secret } = await here.tokens.create({ ...wanted, roles: ["stop-jobs"] }, admin);
    expect([...(await here.tokens.holderOf(secret)).permissions]).toEqual(["jobs:read", "jobs:cancel"]);
    await expect(here.roles.remove("stop-jobs")).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("revoke it first"),
    });
    await here.tokens.revoke("ci", admin);
    await here.roles.remove("stop-jobs");
    await expect(here.roles.remove("stop-jobs")).rejects.toMatchObject({ code: "not_found" });
  });

  test("of the built-in ones stays as it is", async () => {
    const refusal = { code: "conflict", message: expect.stringContaining('the role "write" is built in') };
    await expect(here.roles.create({ name: "write", permissions: ["jobs:read"] }, admin)).rejects.toMatchObject(refusal);
    await expect(here.roles.remove("write")).rejects.toMatchObject(refusal);
  });
});
