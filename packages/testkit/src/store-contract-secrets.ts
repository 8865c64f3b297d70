/** Contract: secrets, as they lie sealed in the store. */
import { expect, test } from "vitest";
import type { SealedSecret, SecretId } from "@windlass/kernel";
import { sealedSecret, T0 } from "./factories.ts";
import type { Subject } from "./store-subject.ts";

const first = sealedSecret();
const id: SecretId = { workspace: "default", scope: "workspace", name: "report-db" };

function told({ sealed: _sealed, ...secret }: SealedSecret): Omit<SealedSecret, "sealed"> {
  return secret;
}

export function describeSecrets(subject: Subject): void {
  test("a secret is stored as the version behind the one that is there, and by one alone", async () => {
    const { secrets } = subject.store;
    const second = { ...first, version: 2, sealed: "bmV3", changedBy: "bob", changedAt: T0 + 1, createdBy: "eve", createdAt: T0 + 1 };
    expect(await secrets.put(second)).toBe(false);
    for (const secret of [first, second]) {
      const stored = await Promise.all([secrets.put(secret), secrets.put(secret)]);
      expect(stored.filter((one) => one)).toHaveLength(1);
    }
    expect(await secrets.put({ ...second, version: 2, sealed: "b2xk" })).toBe(false);
    const kept = { ...second, createdBy: "ann", createdAt: T0 };
    expect(await secrets.find({ workspace: "default", scopes: ["workspace"], names: ["report-db"] })).toEqual([kept]);
    expect([await secrets.remove(id), await secrets.remove(id)]).toEqual([true, false]);
    expect(await secrets.put(first)).toBe(true);
  });

  test("secrets are listed by scope and name without what is sealed, of one workspace, behind one of them", async () => {
    const { secrets, workspaces } = subject.store;
    await workspaces.add({ name: "acme", createdBy: "ann", createdAt: T0 });
    const make = (scope: string, name: string, workspace = "default"): SealedSecret => ({ ...first, workspace, scope, name });
    const all = [make("workflow:nightly", "a"), make("workflow:nightly", "b"), make("workspace", "a"), make("workspace", "c")];
    for (const secret of [...all.toReversed(), make("workspace", "b", "acme")]) await secrets.put(secret);
    expect(await secrets.list({ workspace: "default", limit: 10 })).toEqual(all.map(told));
    const after = { scope: "workflow:nightly", name: "b" };
    expect(await secrets.list({ workspace: "default", after, limit: 1 })).toEqual([told(make("workspace", "a"))]);
    expect(await secrets.list({ workspace: "default", scope: "workspace", limit: 10 })).toEqual(all.slice(2).map(told));
    const found = await secrets.find({ workspace: "default", scopes: ["workspace", "workflow:nightly"], names: ["a", "b", "none"] });
    expect(found.map(({ scope, name }) => `${scope} ${name}`).toSorted()).toEqual([
      "workflow:nightly a",
      "workflow:nightly b",
      "workspace a",
    ]);
    expect(await secrets.remove({ ...id, workspace: "acme", name: "a" })).toBe(false);
  });

  test("what is sealed with another key is found in pages over all workspaces, and sealed anew unless it was changed meanwhile", async () => {
    const { secrets, workspaces } = subject.store;
    await workspaces.add({ name: "acme", createdBy: "ann", createdAt: T0 });
    const make = (workspace: string, name: string, keyId: string): SealedSecret => ({ ...first, workspace, name, keyId });
    for (const secret of [
      make("acme", "z", "key_a"),
      make("default", "a", "key_b"),
      make("default", "b", "key_a"),
      make("default", "c", "key_0"),
    ])
      await secrets.put(secret);
    expect(await secrets.keys()).toEqual([
      { keyId: "key_0", secrets: 1 },
      { keyId: "key_a", secrets: 2 },
      { keyId: "key_b", secrets: 1 },
    ]);
    const page = await secrets.sealedOtherwise("key_b", { after: null, limit: 2 });
    expect(page).toEqual([make("acme", "z", "key_a"), make("default", "b", "key_a")]);
    expect(await secrets.sealedOtherwise("key_b", { after: page[1] ?? null, limit: 2 })).toEqual([make("default", "c", "key_0")]);
    const anew = { ...make("acme", "z", "key_b"), sealed: "YW5ldw==" };
    expect([
      await secrets.reseal(anew, "key_0"),
      await secrets.reseal({ ...anew, version: 2 }, "key_a"),
      await secrets.reseal(anew, "key_a"),
    ]).toEqual([false, false, true]);
    expect(await secrets.find({ workspace: "acme", scopes: ["workspace"], names: ["z"] })).toEqual([anew]);
  });

  test("a workspace that has secrets is not removed", async () => {
    const { secrets, workspaces } = subject.store;
    await workspaces.add({ name: "acme", createdBy: "ann", createdAt: T0 });
    await secrets.put({ ...first, workspace: "acme" });
    expect(await workspaces.remove("acme", T0)).toBe("secrets");
    await secrets.remove({ ...id, workspace: "acme" });
    expect(await workspaces.remove("acme", T0)).toBe("removed");
  });
}
