/** What every executor of out-of-band work must do; each driver runs this suite with scripts of `sh` as its work. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { encodeId, externalNameOf } from "@windlass/kernel";
import type { JsonObject } from "@windlass/kernel";
import type { EndedFact, Executor, LaunchRequest, Stream } from "@windlass/ports";

export interface ExecutorFixture {
  /** A new client of the same place, not started yet: as after a restart of the server. */
  connect(): Executor;
  /** A script of `sh`, in this executor's words. */
  spec(script: string, more?: { readonly output?: "json" }): JsonObject;
  /** A specification that cannot be carried out. */
  readonly badSpec: JsonObject;
  /** A program that does not exist. */
  readonly missingProgram: JsonObject;
  readLog(jobId: string, attempt: number, stream: Stream): Promise<Uint8Array>;
  /**
   * For a place that is watched by others: stands in for whoever watches it. Begins with all that is there and was not
   * forgotten; answers how to stop watching.
   */
  watch?(tell: (fact: EndedFact) => void): Promise<() => Promise<void>>;
  /** The place does not keep the two streams apart: what was printed is read as one. */
  readonly hasOneStream?: true;
  close(): Promise<void>;
}

/** A started client with all that it was told. */
interface Client {
  readonly executor: Executor;
  readonly facts: EndedFact[];
}

/** Longer than any place takes, also on a busy machine. */
const PATIENCE = { timeout: 60_000, interval: 10 };
const GRACE_MS = 5_000;
/** For what ends by itself when it is told to: it is not to be killed because its machine is busy. */
const LONG_GRACE_MS = 60_000;

export function executorContract(name: string, open: () => Promise<ExecutorFixture>): void {
  describe(`${name} keeps the Executor contract`, () => {
    let fixture: ExecutorFixture;
    const clients: Executor[] = [];
    const watches: (() => Promise<void>)[] = [];
    beforeEach(async () => {
      fixture = await open();
    });
    afterEach(async () => {
      for (const unwatch of watches.splice(0)) await unwatch();
      for (const executor of clients.splice(0)) await executor.close();
      await fixture.close();
    });
    const start = async (): Promise<Client> => {
      const executor = fixture.connect();
      clients.push(executor);
      const facts: EndedFact[] = [];
      await executor.start((fact) => facts.push(fact));
      const unwatch = await fixture.watch?.((fact) => facts.push(fact));
      if (unwatch !== undefined) watches.push(unwatch);
      return { executor, facts };
    };

    endCases(() => fixture, start);
    launchCases(() => fixture, start);
    stopCases(() => fixture, start);
    memoryCases(() => fixture, start);
  });
}

function endCases(fixture: () => ExecutorFixture, start: () => Promise<Client>): void {
  test("what exits with 0 has succeeded, and its bytes are kept", async () => {
    const client = await start();
    const request = requestOf(fixture().spec("printf 'a\\000b'; echo error >&2"));
    const fact = await run(client, request);
    expect(fact.result).toMatchObject({ outcome: "succeeded", reason: "ok" });
    expect(fact).toMatchObject({ name: request.name, jobId: request.jobId, attempt: 1, stopped: false });
    expect(fact.endedAt).toBeGreaterThanOrEqual(fact.startedAt);
    const [stdout, stderr] = [await fixture().readLog(request.jobId, 1, "stdout"), await fixture().readLog(request.jobId, 1, "stderr")];
    if (fixture().hasOneStream === true) return expect(Buffer.from(stdout).toString()).toMatch(/^(?:a\0berror\n|error\na\0b)$/u);
    expect(Buffer.from(stdout).toString()).toBe("a\0b");
    expect(Buffer.from(stderr).toString()).toBe("error\n");
  });

  test("what exits with 3 has failed, says 3, and keeps its last lines", async () => {
    const fact = await run(await start(), requestOf(fixture().spec("echo first; echo last; exit 3")));
    expect(fact.result).toMatchObject({ outcome: "failed", reason: "exit_code", exitCode: 3 });
    expect(fact.result.evidence).toMatchObject({ logTail: "first\nlast" });
  });

  test("what ends by a signal that nobody here sent has failed by that signal", async () => {
    const fact = await run(await start(), requestOf(fixture().spec("kill -SEGV $$")));
    expect(fact.result).toMatchObject({ outcome: "failed", reason: "signal", signal: "SIGSEGV" });
  });

  test("what cannot be found was configured badly", async () => {
    const fact = await run(await start(), requestOf(fixture().missingProgram));
    expect(fact.result).toMatchObject({ outcome: "failed_config", reason: "command_not_found" });
  });

  test("what takes longer than its limit has failed by time", async () => {
    const fact = await run(await start(), { ...requestOf(fixture().spec("sleep 300")), timeoutMs: 100 });
    // A cluster says so in its own word.
    const reason = fixture().watch === undefined ? "step_timeout" : "job_deadline";
    expect(fact).toMatchObject({ stopped: false, result: { outcome: "failed_timeout", reason } });
  });

  test("the last line that is JSON is the output; one that is missing fails", async () => {
    const client = await start();
    const json = requestOf(fixture().spec(`echo '{"rows": 1}'; echo '{"rows": [2, "ü"]}'; echo done`, { output: "json" }));
    expect((await run(client, json)).result).toMatchObject({ outcome: "succeeded", output: { rows: [2, "ü"] } });
    const none = requestOf(fixture().spec("echo done", { output: "json" }));
    expect((await run(client, none)).result).toMatchObject({ outcome: "failed", reason: "output_invalid" });
  });

  test("the work knows the facts that it was given, and where to write its output", async () => {
    const request = {
      ...requestOf(fixture().spec(`echo "[\\"$WINDLASS_JOB\\"]" > "$WINDLASS_OUTPUT"`)),
      environment: { WINDLASS_JOB: "it" },
    };
    expect((await run(await start(), request)).result).toMatchObject({ outcome: "succeeded", output: ["it"] });
  });
}

function launchCases(fixture: () => ExecutorFixture, start: () => Promise<Client>): void {
  test("a name is launched once, however often and from wherever it is asked for", async () => {
    const [one, other] = [await start(), await start()];
    const request = requestOf(fixture().spec("echo ran"));
    const answers = await Promise.all([one, other, one, other].map((client) => client.executor.launch(request)));
    expect(new Set(answers.map((answer) => ("ref" in answer ? answer.ref : null))).size).toBe(1);
    const fact = await endOf(one, request.name);
    expect(await other.executor.launch(request)).toEqual({ ref: fact.ref });
    expect(Buffer.from(await fixture().readLog(request.jobId, 1, "stdout")).toString()).toBe("ran\n");
  });

  test("what cannot be carried out is refused, and leaves nothing", async () => {
    const { executor } = await start();
    const request = requestOf(fixture().badSpec);
    expect(await executor.launch(request)).toMatchObject({ refused: { outcome: "failed_config", reason: "bad_spec" } });
    expect(await executor.find(request.name)).toBeNull();
  });

  test("what runs and what ended is found and listed, until it is forgotten", async () => {
    const client = await start();
    const [long, short] = [requestOf(fixture().spec("sleep 300")), requestOf(fixture().spec("true"))];
    expect(await client.executor.find(long.name)).toBeNull();
    const launched = await client.executor.launch(long);
    await run(client, short);
    expect(await client.executor.find(long.name)).toMatchObject({ ...launched, jobId: long.jobId, attempt: 1, state: "running" });
    expect(await client.executor.find(short.name)).toMatchObject({ state: "ended" });
    expect((await client.executor.list()).map((found) => found.name).toSorted()).toEqual([long.name, short.name].toSorted());
    await client.executor.forget(short.name);
    await client.executor.forget(short.name);
    expect(await client.executor.find(short.name)).toBeNull();
    // The order of a launcher that has died since.
    await expect(client.executor.launch(short)).rejects.toMatchObject({ code: "conflict" });
    expect(await client.executor.find(short.name)).toBeNull();
    await client.executor.stop(long.name, GRACE_MS, "cancelled");
    await endOf(client, long.name);
  });
}

function stopCases(fixture: () => ExecutorFixture, start: () => Promise<Client>): void {
  test("what is stopped ends as the stop says", async () => {
    const client = await start();
    for (const [stopFor, outcome] of [
      ["cancelled", "cancelled"],
      ["failed_timeout", "failed_timeout"],
      ["replaced", "cancelled"],
    ] as const) {
      const request = requestOf(fixture().spec("sleep 300"));
      await client.executor.launch(request);
      await client.executor.stop(request.name, GRACE_MS, stopFor);
      expect(await endOf(client, request.name)).toMatchObject({ stopped: true, result: { outcome } });
    }
  });

  test("what does not listen is killed when its grace is over", async () => {
    const client = await start();
    const request = requestOf(fixture().spec("trap '' TERM; echo deaf; while :; do sleep 0.05; done"));
    await client.executor.launch(request);
    await printed(fixture(), request, "deaf\n");
    await client.executor.stop(request.name, 100, "cancelled");
    expect(await endOf(client, request.name)).toMatchObject({ stopped: true, result: { outcome: "cancelled", signal: "SIGKILL" } });
  });

  test("what listens may end in order", async () => {
    const client = await start();
    const request = requestOf(fixture().spec("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done"));
    await client.executor.launch(request);
    await printed(fixture(), request, "ready\n");
    await client.executor.stop(request.name, LONG_GRACE_MS, "cancelled");
    expect(await endOf(client, request.name)).toMatchObject({ stopped: true, result: { outcome: "cancelled", exitCode: 0 } });
    await printed(fixture(), request, "ready\nbye\n");
  });

  test("a stop may be repeated, sooner too, and is fine for what ended or never was", async () => {
    const client = await start();
    const request = requestOf(fixture().spec("trap '' TERM; echo deaf; while :; do sleep 0.05; done"));
    await client.executor.launch(request);
    await printed(fixture(), request, "deaf\n");
    await client.executor.stop(request.name, 600_000, "cancelled");
    await client.executor.stop(request.name, 0, "cancelled");
    const fact = await endOf(client, request.name);
    await client.executor.stop(request.name, 0, "failed_timeout");
    await client.executor.stop("never-was", 0, "cancelled");
    expect(fact.result.outcome).toBe("cancelled");
  });
}

function memoryCases(fixture: () => ExecutorFixture, start: () => Promise<Client>): void {
  test("what ended is told again to whoever starts, until it is forgotten", async () => {
    const first = await start();
    const request = requestOf(fixture().spec("exit 7"));
    const fact = await run(first, request);
    await first.executor.close();

    const second = await start();
    const again = await endOf(second, request.name);
    // Whoever watches a place may see more of the same end later.
    const { evidence, ...result } = fact.result;
    if (fixture().watch === undefined) expect(again).toEqual(fact);
    else expect({ ...again, result: { evidence, ...again.result } }).toMatchObject({ name: fact.name, ref: fact.ref, result });
    await second.executor.forget(request.name);

    const third = await start();
    await run(third, requestOf(fixture().spec("true")));
    expect(third.facts.map((it) => it.name)).not.toContain(request.name);
  });

  test("what runs outlives its client, and the next one hears of its end", async () => {
    const first = await start();
    const request = requestOf(fixture().spec("echo one; sleep 0.3; echo two"));
    await first.executor.launch(request);
    await first.executor.close();

    const second = await start();
    expect((await endOf(second, request.name)).result.outcome).toBe("succeeded");
    expect(Buffer.from(await fixture().readLog(request.jobId, 1, "stdout")).toString()).toBe("one\ntwo\n");
  });

  test("the place stays the same", async () => {
    expect((await start()).executor.place).toBe((await start()).executor.place);
  });
}

let requests = 0;

function requestOf(spec: JsonObject): LaunchRequest {
  requests++;
  const jobId = encodeId("job", requests, new Uint8Array(10).fill(requests % 256));
  return { name: externalNameOf(jobId, "contract", 1), jobId, attempt: 1, spec, environment: {}, timeoutMs: null, graceMs: GRACE_MS };
}

async function run(client: Client, request: LaunchRequest): Promise<EndedFact> {
  expect(await client.executor.launch(request)).toHaveProperty("ref");
  return endOf(client, request.name);
}

async function endOf(client: Client, name: string): Promise<EndedFact> {
  return vi.waitFor(() => {
    const fact = client.facts.find((it) => it.name === name);
    if (fact === undefined) throw new Error(`${name} was not told to have ended`);
    return fact;
  }, PATIENCE);
}

async function printed(fixture: ExecutorFixture, request: LaunchRequest, text: string): Promise<void> {
  await vi.waitFor(async () => {
    expect(Buffer.from(await fixture.readLog(request.jobId, 1, "stdout")).toString()).toBe(text);
  }, PATIENCE);
}
