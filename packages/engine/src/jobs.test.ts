import { WindlassError, parked, type JobView } from "@windlass/kernel";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { engineFixture, group, handled, type EngineFixture } from "./engine-fixture.ts";
import type { Submitted } from "./jobs.ts";
import type { SubmitRequest } from "./submit.ts";

const request: SubmitRequest = { kind: "task", name: "greet", spec: { handler: "greet" }, executor: "handler" };
let fixture: EngineFixture;

beforeEach(async () => {
  fixture = await engineFixture();
  await fixture.engine.start();
});

afterEach(() => fixture.close());

const refusal = (code: string, text = ""): object =>
  expect.objectContaining({ code, message: expect.stringContaining(text) as string }) as object;

describe("submitting", () => {
  test("tells every fault at once, and names what is allowed", async () => {
    const wrong = { ...request, name: " ", queue: "Default!", priority: 5_000, executor: "podman" as never, timeoutMs: -1 };
    const error: unknown = await fixture.engine.jobs.submit(wrong).catch((thrown: unknown) => thrown);
    expect(error).toEqual(refusal("invalid", "docker"));
    expect((error as WindlassError).faults.map(({ path }) => path)).toEqual(["name", "executor", "queue", "priority", "timeout"]);
  });

  test("says where a fault of a specification is, for what it is for does not", async () => {
    const validate = () => [
      { path: "spec.env.1A", message: "expected the name of a variable" },
      { path: "spec.cwd", message: "spec.cwd is 3; it must be text" },
    ];
    const strict = await engineFixture({ kinds: [{ kind: "task", validate }] });
    await expect(strict.engine.jobs.submit(request)).rejects.toThrow(
      "the job cannot be submitted: spec.env.1A: expected the name of a variable; spec.cwd is 3; it must be text",
    );
    await strict.close();
  });

  test("takes each of many on its own merits", async () => {
    const answers = await fixture.engine.jobs.submitMany([request, { ...request, name: "" }, request]);
    expect(answers).toMatchObject([{ created: true }, { code: "invalid" }, { created: true }]);
    expect(answers[1]).toBeInstanceOf(WindlassError);
  });

  test("is told with the job as it was submitted, whenever that is read", async () => {
    const { engine } = fixture;
    const [answer] = await engine.jobs.submitMany([request]);
    const { id, created, view } = answer as Submitted;
    expect(created).toBe(true);
    expect(view).toEqual(await engine.jobs.get(id));
    await fixture.clock.advance(5);
    expect((answer as Submitted).view).toEqual(view);
  });

  test("tells what the job will be as soon as the store was asked, and nothing of what is refused before", async () => {
    const { jobs } = fixture.engine;
    const told: JobView[] = [];
    const submitting = jobs.submit({ ...request, idempotencyKey: "order-2" }, (expected) => void told.push(expected));
    expect(told).toHaveLength(1);
    const { id, view } = await submitting;
    expect(told).toEqual([view]);
    const again = await jobs.submit({ ...request, idempotencyKey: "order-2" }, (expected) => void told.push(expected));
    expect([again.id, told[1]?.record.id === id]).toEqual([id, false]);
    await expect(jobs.submit({ ...request, name: "" }, (expected) => void told.push(expected))).rejects.toEqual(refusal("invalid"));
    expect(told).toHaveLength(2);
  });

  test("repeated under its idempotency key gives the first job, whoever asks; another request is refused", async () => {
    const keyed = { ...request, idempotencyKey: "order-1", cause: { type: "user", by: "ada" } as const };
    const first = await fixture.engine.jobs.submit(keyed);
    const again = await fixture.engine.jobs.submit({ ...keyed, cause: { type: "user", by: "bob" } });
    expect(again).toEqual({ id: first.id, created: false, view: first.view });
    await expect(fixture.engine.jobs.submit({ ...keyed, input: 2 })).rejects.toEqual(refusal("idempotency_mismatch", first.id));
  });

  test("repeated under its idempotency key while the first job is deleted makes one anew", async () => {
    let deletes = false;
    const deleting = await engineFixture({
      wrap: (store) => ({
        ...store,
        jobs: {
          ...store.jobs,
          async commit(changes, now) {
            const committed = await store.jobs.commit(changes, now);
            if (deletes) await store.retention.remove(committed.results.map(({ id }) => id));
            deletes = false;
            return committed;
          },
        },
      }),
    });
    const { jobs } = deleting.engine;
    const keyed = { ...request, idempotencyKey: "order-3" };
    const { id } = await jobs.submit(keyed);
    await jobs.cancel(id, { by: "ada" });
    deletes = true;
    const again = await jobs.submit(keyed);
    expect([again.created, again.id === id, (await jobs.get(again.id)).state]).toEqual([true, false, "queued"]);
    await deleting.close();
  });

  test("gives ids that sort in the order in which they were made", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 300; i++) ids.push(await fixture.submit());
    expect(ids).toEqual(ids.toSorted());
    expect(new Set(ids).size).toBe(300);
  });
});

describe("retrying", () => {
  test("makes a new job of the same request, and says of which", async () => {
    const id = await fixture.submit({ input: { a: 1 }, labels: { team: "blue" } });
    await fixture.engine.jobs.cancel(id, { by: "ada" });
    const again = await fixture.engine.jobs.get(await fixture.engine.jobs.retry(id, "bob"));
    expect(again).toMatchObject({
      state: "queued",
      record: { input: { a: 1 }, labels: { team: "blue" }, cause: { type: "retry", of: id, by: "bob" } },
    });
    expect(again.record.id).not.toBe(id);
    expect(await fixture.stateOf(id)).toBe("cancelled");
  });

  test("is refused for a job that has not ended, and for a child, with the job to retry instead", async () => {
    const root = await fixture.submit(group([handled("later", { queue: "nobody" })]));
    await fixture.clock.advance(1_000);
    const [child] = await fixture.store.reads.list({ workspace: "default", parentId: root, limit: 1 });
    await expect(fixture.engine.jobs.retry(root, "bob")).rejects.toEqual(refusal("job_not_finished", "running"));
    await expect(fixture.engine.jobs.retry(child?.record.id ?? "", "bob")).rejects.toEqual(
      refusal("conflict", `windlass jobs retry ${root}`),
    );
  });
});

describe("cancelling", () => {
  test("may be repeated until the job has ended, and then says so", async () => {
    const id = await fixture.submit();
    await fixture.engine.jobs.cancel(id, { by: "ada", message: "not needed" });
    expect((await fixture.engine.jobs.get(id)).final).toMatchObject({ state: "cancelled", message: "not needed", attempts: 0 });
    await expect(fixture.engine.jobs.cancel(id, { by: "ada" })).rejects.toEqual(refusal("job_finished", id));
    await expect(fixture.engine.jobs.cancel("job_none", { by: "ada" })).rejects.toEqual(refusal("not_found", "job_none"));
  });
});

describe("removing", () => {
  test("takes the whole tree and its logs, only when it has ended, and only from its root", async () => {
    const root = await fixture.submit(group([handled("later", { queue: "nobody" })]));
    await fixture.clock.advance(1_000);
    const [child] = await fixture.store.reads.list({ workspace: "default", parentId: root, limit: 1 });
    const childId = child?.record.id ?? "";
    await expect(fixture.engine.jobs.remove(root)).rejects.toEqual(refusal("job_not_finished", root));
    await fixture.engine.jobs.cancel(root, { by: "ada" });
    await fixture.reach(root, "cancelled");
    await fixture.logs.append({ jobId: childId, attempt: 1 }, [{ stream: "stdout", at: 0, data: new Uint8Array(3) }]);
    await expect(fixture.engine.jobs.remove(childId)).rejects.toEqual(refusal("conflict", root));
    expect(await fixture.engine.jobs.remove(root)).toBe(2);
    await expect(fixture.engine.jobs.get(childId)).rejects.toEqual(refusal("not_found", childId));
    expect(fixture.logs.text({ jobId: childId, attempt: 1 })).toBe("");
  });
});

describe("completing from outside", () => {
  test("needs the token that was given out, once", async () => {
    const tokens: string[] = [];
    const worker = fixture.engine.worker({
      handlers: {
        greet: async (context) => {
          tokens.push(await context.completionToken());
          return parked();
        },
      },
    });
    await worker.start();
    const id = await fixture.submit();
    await fixture.reach(id, "waiting");
    const [token = ""] = tokens;
    expect(token.startsWith(`${id}.1.`)).toBe(true);
    for (const wrong of [`${token}0`, `${id}.2.${token.split(".")[2]}`, `${id}.1.`]) {
      await expect(fixture.engine.jobs.complete(wrong, { output: 1 })).rejects.toEqual(refusal("token_stale"));
    }
    await expect(fixture.engine.jobs.complete("nonsense", { output: 1 })).rejects.toEqual(refusal("not_found"));
    expect(await fixture.engine.jobs.complete(token, { output: 1 })).toBe(id);
    await expect(fixture.engine.jobs.complete(token, { output: 2 })).rejects.toEqual(refusal("job_finished"));
    expect((await fixture.engine.jobs.get(id)).final?.output).toBe(1);
    await worker.stop();
  });

  test("only what is parked can be resumed", async () => {
    const id = await fixture.submit();
    await expect(fixture.engine.jobs.resume(id)).rejects.toEqual(refusal("conflict", "queued"));
    await fixture.engine.jobs.cancel(id, { by: "ada" });
    await expect(fixture.engine.jobs.resume(id)).rejects.toEqual(refusal("job_finished", id));
  });

  test("what parks while it is asked to be resumed is resumed", async () => {
    const { engine, store, submit, stateOf, close } = await engineFixture({
      wrap: (under) => ({
        ...under,
        jobs: {
          ...under.jobs,
          async commit(changes, now) {
            if (changes.some(({ type }) => type === "resume")) {
              const { jobs } = await under.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 1, now });
              const wait = { for: "completion", tokenHash: "hash" } as const;
              await under.jobs.commit(
                jobs.map(({ live: { id, token } }) => ({ type: "wait", id, token, wait, until: null })),
                now,
              );
            }
            return under.jobs.commit(changes, now);
          },
        },
      }),
    });
    await store.sessions.open({ id: "ses_1", role: "worker", place: null, serves: [], startedAt: 0, expiresAt: Number.MAX_SAFE_INTEGER });
    const id = await submit();
    await engine.jobs.resume(id);
    expect([await stateOf(id), (await engine.jobs.get(id)).live?.resumed]).toEqual(["queued", true]);
    await close();
  });
});

describe("waiting", () => {
  test("resolves when the job ends, at once when it has, and gives up after its time", async () => {
    const id = await fixture.submit();
    await expect(fixture.outcome(fixture.engine.jobs.wait(id, 2_500))).rejects.toEqual(refusal("timed_out", "2.5 s"));
    const waiting = fixture.engine.jobs.wait(id);
    await fixture.engine.jobs.cancel(id, { by: "ada" });
    expect((await fixture.outcome(waiting)).state).toBe("cancelled");
    expect((await fixture.engine.jobs.wait(id)).state).toBe("cancelled");
    await expect(fixture.engine.jobs.wait("job_none")).rejects.toEqual(refusal("not_found", "job_none"));
  });
});
