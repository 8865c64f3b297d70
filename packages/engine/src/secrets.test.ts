import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SecretId } from "@windlass/kernel";
import type { KeySource } from "@windlass/ports";
import { engineFixture, type EngineFixture } from "./engine-fixture.ts";

const id: SecretId = { workspace: "default", scope: "workspace", name: "report-db" };
const wanted = { workspace: "default", scopes: ["workspace"], names: ["report-db"] };

function sourceOf(grows: KeySource["grows"], text = ""): KeySource & { text: string } {
  return {
    text,
    place: "KEYS",
    grows,
    read() {
      return this.text;
    },
    add(key) {
      this.text = `${key}\n${this.text}`;
    },
  };
}
const key = (n: number): string => Buffer.alloc(32, n).toString("base64");

let fixture: EngineFixture;
const opened: EngineFixture[] = [];
async function open(given: Parameters<typeof engineFixture>[0]): Promise<EngineFixture> {
  const made = await engineFixture(given);
  opened.push(made);
  return made;
}
beforeEach(async () => {
  fixture = await open({ keySource: sourceOf("always") });
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

describe("a secret", () => {
  test("is set, changed and unset; what is told of it has no value, and neither has the store", async () => {
    const { secrets, context } = fixture.engine;
    const first = await secrets.set(id, "hunter2-and-more", "ann");
    const second = await secrets.set(id, "another-value", "bob");
    expect([first.version, second.version]).toEqual([1, 2]);
    expect(second).toMatchObject({ createdBy: "ann", changedBy: "bob" });
    const listed = await secrets.list({ workspace: "default", limit: 10 });
    expect(listed).toEqual([{ ...second, readable: true }]);
    const stored = await context.store.secrets.find(wanted);
    for (const text of ["hunter2", "another"]) {
      expect(JSON.stringify([first, second, listed, stored])).not.toContain(text);
      expect(JSON.stringify(stored.map(({ sealed }) => Buffer.from(sealed, "base64").toString("latin1")))).not.toContain(text);
    }
    expect(stored.map((secret) => context.keys.open(secret))).toEqual([{ value: "another-value" }]);
    await secrets.unset(id);
    await expect(secrets.unset(id)).rejects.toMatchObject({ code: "not_found" });
    await secrets.set({ ...id, name: "report-dc" }, "some-value", "ann");
    await expect(secrets.unset(id)).rejects.toThrow('there is no secret "report-db" in workspace "default"; did you mean "report-dc"?');
  });

  test("that many set at once is set by all of them, one after the other", async () => {
    const { secrets } = fixture.engine;
    const all = await Promise.all(Array.from({ length: 5 }, (_, n) => secrets.set(id, `value-${n}`, "ann")));
    expect(new Set(all.map(({ version }) => version))).toEqual(new Set([1, 2, 3, 4, 5]));
  });

  test.each([
    ["an empty value", id, ""],
    ["a NUL character", id, "hunter2\0"],
    ["half a character", id, "hunter2\uD800"],
    ["too many bytes", id, "ü".repeat(32_769)],
    ["a name with a slash", { ...id, name: "a/hunter2" }, "value"],
  ] as const)("with %s is refused without telling the value", async (_, wrong, value) => {
    const failure: unknown = await fixture.engine.secrets.set(wrong, value, "ann").catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "invalid" });
    if (value.startsWith("hunter2")) expect(JSON.stringify(failure) + String(failure)).not.toContain("hunter2");
  });
});

describe("keys", () => {
  test("the first secret makes a key where keys are made, and is refused where they are not", async () => {
    expect(fixture.engine.context.keys.current()).toBeNull();
    await fixture.engine.secrets.set(id, "some-value", "ann");
    expect(fixture.engine.context.keys.ids()).toHaveLength(1);
    const told = await open({ keySource: sourceOf("never") });
    await expect(told.engine.secrets.set(id, "some-value", "ann")).rejects.toMatchObject({ code: "secret_key_missing" });
  });

  test("a server without the keys of its store seals nothing, makes no key, and says which it lacks", async () => {
    const { secret } = { secret: await fixture.engine.secrets.set(id, "some-value", "ann") };
    const stranger = sourceOf("always");
    const other = await open({ keySource: stranger, wrap: () => fixture.store });
    await expect(other.engine.secrets.set({ ...id, name: "b" }, "other-value", "bob")).rejects.toThrow(`${secret.keyId} (1 secret)`);
    expect(stranger.text).toBe("");
    expect(await other.engine.secrets.list({ workspace: "default", limit: 9 })).toMatchObject([{ name: "report-db", readable: false }]);
    await other.engine.secrets.unset(id);
    expect(await other.engine.secrets.set(id, "other-value", "bob")).toMatchObject({ version: 1 });
  });

  test("rotating makes a new key, seals everything with it, and says which keys are needed no more", async () => {
    const { secrets, context } = fixture.engine;
    const { keyId: old } = await secrets.set(id, "some-value", "ann");
    await secrets.set({ ...id, scope: "workflow:nightly" }, "other-value", "ann");
    const rotation = await secrets.rotate();
    expect(rotation).toEqual({ keyId: context.keys.current(), made: true, resealed: 2, left: 0, unreadable: [], unused: [old] });
    expect(rotation.keyId).not.toBe(old);
    const [sealed] = await context.store.secrets.find(wanted);
    expect(sealed).toMatchObject({ version: 1, keyId: rotation.keyId, changedBy: "ann" });
    expect(sealed === undefined ? null : context.keys.open(sealed)).toEqual({ value: "some-value" });
  });

  test("a rotation that was broken off goes on with the key that it had made", async () => {
    const source = sourceOf("always", key(1));
    const { engine } = await open({ keySource: source });
    for (let n = 0; n < 3; n++) await engine.secrets.set({ ...id, name: `s${n}` }, `value-${n}`, "ann");
    source.text = `${key(2)}\n${key(1)}`;
    const [current] = engine.context.keys.ids();
    expect(await engine.secrets.rotate()).toMatchObject({ keyId: current, made: false, resealed: 3, left: 0 });
  });

  test("more than a batch is sealed by several calls, and what cannot be opened keeps its seal", async () => {
    const source = sourceOf("never", key(1));
    const { engine, store } = await open({ keySource: source });
    for (let n = 0; n < 501; n++) await engine.secrets.set({ ...id, name: `s${n}` }, `value-${n}`, "ann");
    const [broken] = await store.secrets.find({ ...wanted, names: ["s7"] });
    if (broken !== undefined) await store.secrets.reseal({ ...broken, sealed: "AAAA" }, broken.keyId);
    source.text = `${key(2)}\n${key(1)}`;
    expect(await engine.secrets.rotate()).toMatchObject({ made: false, resealed: 500, left: 1 });
    expect(await engine.secrets.rotate()).toMatchObject({
      made: false,
      resealed: 0,
      left: 1,
      unreadable: [{ ...id, name: "s7" }],
      unused: [],
    });
  });

  test("a value that is set while all is sealed anew is not overwritten by the older one", async () => {
    const source = sourceOf("never", key(1));
    const first = await open({ keySource: source });
    await first.engine.secrets.set(id, "old-value", "ann");
    const { store } = first;
    const racing = await open({
      keySource: source,
      wrap: () => ({
        ...store,
        secrets: {
          ...store.secrets,
          async sealedOtherwise(keyId, page) {
            const found = await store.secrets.sealedOtherwise(keyId, page);
            if (found.length > 0) await first.engine.secrets.set(id, "new-value", "bob");
            return found;
          },
        },
      }),
    });
    source.text = `${key(2)}\n${key(1)}`;
    await racing.engine.secrets.rotate();
    const [sealed] = await store.secrets.find(wanted);
    expect(sealed === undefined ? null : first.engine.context.keys.open(sealed)).toEqual({ value: "new-value" });
  });
});
