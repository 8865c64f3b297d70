/** What must hold when the supervisor, its clients or the processes themselves misbehave. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { encodeId, externalNameOf, isJsonObject } from "@windlass/kernel";
import type { EndedFact, Executor, LaunchRequest } from "@windlass/ports";
import { fixtureProgram, killQuietly, processFixture } from "./process-fixture.ts";
import type { ProcessFixture } from "./process-fixture.ts";
import type { ProcessSpec } from "./process-spec.ts";
import { processesMarked, readProcess, readProcesses } from "./process-table.ts";

const PATIENCE = { timeout: 60_000, interval: 10 };
let fixture: ProcessFixture;
let executor: Executor;
let facts: EndedFact[];
let jobs = 0;

beforeEach(async () => {
  fixture = processFixture();
  executor = await start();
});
afterEach(async () => {
  await executor.close();
  await fixture.close();
});

test("a supervisor that is killed takes its processes with it, and says so when it is back", async () => {
  const request = requestOf({ script: "trap '' TERM HUP PIPE; echo $$; setsid sleep 300 & while :; do sleep 0.05; done" });
  const { ref } = await launch(request);
  await printed(request, /\d+\n/u);
  killQuietly(fixture.supervisorPid());
  const fact = await endOf(request.name);
  expect(fact).toMatchObject({ ref, stopped: false, result: { outcome: "failed_node_lost", reason: "supervisor_lost" } });
  expect(processesMarked(new Set([`WINDLASS_LAUNCH=${ref}`])).size).toBe(0);
  expect((await run({ script: "echo on" })).result.outcome).toBe("succeeded");
});

test("who closes waits for no answer of a supervisor that is frozen, also not for its first one", async () => {
  await launch(requestOf({ script: "sleep 300" }));
  const supervisor = fixture.supervisorPid();
  const late = fixture.connect();
  process.kill(supervisor, "SIGSTOP");
  try {
    const asked = executor.list().catch((error: unknown) => error);
    const found = late.start(() => {}).catch((error: unknown) => error);
    await Promise.all([late.close(), executor.close()]);
    // And not that no answer came in time.
    expect(await asked).toMatchObject({ message: expect.stringContaining("was lost while it was asked to `list`") });
    expect(await found).toMatchObject({ cause: { message: expect.stringContaining("was lost while it was asked to `hello`") } });
  } finally {
    process.kill(supervisor, "SIGCONT");
  }
});

test("a pid that somebody else got meanwhile is left alone", async () => {
  await executor.close();
  const innocent = spawn("sleep", ["300"], { detached: true, stdio: "ignore" });
  try {
    const request = requestOf({ script: "sleep 300" });
    const folder = join(fixture.folder, "processes", request.name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "spec.json"), JSON.stringify({ ...request, ref: "lost", launchedAt: 1 }));
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    writeFileSync(join(folder, "pid"), `${innocent.pid} 1 ${boot}`);
    executor = await start();
    expect((await endOf(request.name)).result.reason).toBe("supervisor_lost");
    // It may not have come to its sleep before; one that was killed never does.
    await vi.waitFor(() => expect(readProcess(innocent.pid ?? 0)?.state).toBe("S"), PATIENCE);
  } finally {
    killQuietly(innocent.pid ?? 0);
  }
});

test("a server that is killed takes nothing with it, and its successor adopts what runs", async () => {
  await executor.close();
  const request = requestOf({ script: "echo one; while [ ! -e ../go ]; do sleep 0.02; done; echo two" });
  const server = fixtureProgram(fixture.folder, request);
  await printed(request, /^one\n$/u);
  killQuietly(-(server.pid ?? 0));
  await vi.waitFor(() => expect(server.signalCode).toBe("SIGKILL"), PATIENCE);

  executor = await start();
  expect(await executor.find(request.name)).toMatchObject({ state: "running" });
  writeFileSync(join(fixture.folder, "processes", request.name, "go"), "");
  expect((await endOf(request.name)).result.outcome).toBe("succeeded");
  expect(fixture.readLog(request.jobId, 1, "stdout").toString()).toBe("one\ntwo\n");
});

test("two that start at once share one supervisor", async () => {
  const others = await Promise.all([1, 2, 3].map(() => start()));
  try {
    const requests = others.map(() => requestOf({ script: "echo $PPID; sleep 0.5" }));
    await Promise.all(others.map((other, i) => other.launch(requests[i] ?? requestOf({}))));
    for (const request of requests) await printed(request, /\d+\n/u);
    const parents = new Set(requests.map((request) => fixture.readLog(request.jobId, 1, "stdout").toString().trim()));
    expect([...parents]).toEqual([String(fixture.supervisorPid())]);
  } finally {
    for (const other of others) await other.close();
  }
});

test("a supervisor without attempts and clients leaves by itself, and is started again when needed", async () => {
  await run({ command: ["true"] });
  const pid = fixture.supervisorPid();
  await executor.close();
  await vi.waitFor(() => expect(readProcess(pid)?.state ?? "Z").toBe("Z"), PATIENCE);
  executor = await start();
  expect((await run({ command: ["true"] })).result.outcome).toBe("succeeded");
});

test("ten megabytes of any bytes come through as they were, on both streams at once", async () => {
  const script =
    "const b=Buffer.alloc(10_000_000);for(let i=0;i<b.length;i++)b[i]=(i*7919+(i>>8))&255;process.stdout.write(b);process.stderr.write(b.subarray(0,5_000_000))";
  const request = requestOf({ command: [process.execPath, "-e", script] });
  await launch(request);
  expect((await endOf(request.name)).result.outcome).toBe("succeeded");
  const wanted = Buffer.alloc(10_000_000);
  for (let i = 0; i < wanted.length; i++) wanted[i] = (i * 7919 + (i >> 8)) & 255;
  expect(fixture.readLog(request.jobId, 1, "stdout").equals(wanted)).toBe(true);
  expect(fixture.readLog(request.jobId, 1, "stderr").equals(wanted.subarray(0, 5_000_000))).toBe(true);
});

test("a log is cut at its limit with a mark, and what prints too much runs on to its own end", async () => {
  await executor.close();
  executor = await start({ logBytesMax: 65_536 });
  const request = requestOf({ script: "head -c 3000000 /dev/zero | tr '\\0' x; echo end >&2; exit 4" });
  await launch(request);
  const fact = await endOf(request.name);
  expect(fact.result).toMatchObject({ exitCode: 4, evidence: { logCut: ["stdout"] } });
  expect(fixture.readLog(request.jobId, 1, "stdout").toString()).toBe(
    `${"x".repeat(65_536)}\n[windlass: log cut at 64Ki: it reached log.bytesMax]\n`,
  );
  expect(fixture.readLog(request.jobId, 1, "stderr").toString()).toBe("end\n");
});

test("children that stay behind do not hold up the end, and are killed, also those that left the group", async () => {
  const request = requestOf({ script: "sleep 300 & setsid sleep 300 & setsid sleep 300 >/dev/null 2>&1 & echo started" });
  const { ref } = await launch(request);
  const fact = await endOf(request.name);
  expect(fact.result.outcome).toBe("succeeded");
  expect(fact.endedAt - fact.startedAt).toBeLessThan(10_000);
  expect(fixture.readLog(request.jobId, 1, "stdout").toString()).toBe("started\n");
  await vi.waitFor(() => expect(processesMarked(new Set([`WINDLASS_LAUNCH=${ref}`])).size).toBe(0), PATIENCE);
});

test("too much memory in a child is seen and ends all, and the evidence says how it was measured", async () => {
  const eat = "const b=[];setInterval(()=>b.push(Buffer.alloc(20_000_000,1)),20)";
  const limit = 150_000_000;
  const fact = await run({ script: `"$NODE" -e '${eat}' & wait`, env: { NODE: process.execPath }, memoryLimitBytes: limit });
  expect(fact.result).toMatchObject({
    outcome: "failed_oom",
    reason: "memory_limit",
    evidence: { memory: { method: "sampled_rss", limitBytes: limit } },
  });
  const memory = fact.result.evidence?.["memory"];
  expect(isJsonObject(memory) ? memory["peakBytes"] : null).toBeGreaterThan(limit);
});

test("what stays within its memory is left alone", async () => {
  const fact = await run({ script: "sleep 0.4", memoryLimitBytes: 50_000_000 });
  expect(fact.result.outcome).toBe("succeeded");
});

test("the environment is clean, input is closed, and /dev/stdout and /dev/stderr can be opened", async () => {
  const request = requestOf({
    script: "env -0 | cut -z -d= -f1 | sort -z | tr '\\0' ' '; cat; echo out > /dev/stdout; echo err > /dev/stderr",
    env: { OWN: "1" },
  });
  await launch({ ...request, environment: { WINDLASS_JOB: "j" } });
  expect((await endOf(request.name)).result.outcome).toBe("succeeded");
  const names = fixture.readLog(request.jobId, 1, "stdout").toString();
  expect(names).toBe("HOME OWN PATH PWD WINDLASS_ATTEMPT_NAME WINDLASS_JOB WINDLASS_LAUNCH WINDLASS_OUTPUT out\n");
  expect(fixture.readLog(request.jobId, 1, "stderr").toString()).toBe("err\n");
});

test("each fault of what is to be started has its own reason", async () => {
  writeFileSync(join(fixture.folder, "plain"), "text");
  const cases: readonly [ProcessSpec, string, string][] = [
    [{ command: [join(fixture.folder, "plain")] }, "failed_config", "command_not_found"],
    [{ command: ["true"], cwd: "/no/such/folder" }, "failed_config", "bad_working_dir"],
    [{ command: ["true"], cwd: join(fixture.folder, "plain") }, "failed_config", "bad_working_dir"],
    [{ command: ["true", "x".repeat(3_000_000)] }, "failed_config", "bad_spec"],
    [{ script: "false; echo never" }, "failed", "exit_code"],
    [{ script: "false | true", shell: "bash" }, "failed", "exit_code"],
    [{ script: 'head -c 1100000 /dev/zero | tr "\\0" 1 > "$WINDLASS_OUTPUT"' }, "failed", "output_too_large"],
    [{ script: 'echo "{" > "$WINDLASS_OUTPUT"' }, "failed", "output_invalid"],
    [{ script: 'mkfifo "$WINDLASS_OUTPUT"' }, "failed", "output_invalid"],
  ];
  for (const [spec, outcome, reason] of cases) {
    expect((await run(spec)).result, JSON.stringify(spec).slice(0, 100)).toMatchObject({ outcome, reason });
  }
});

test("a data folder with a path too long for a socket works all the same", async () => {
  const long = join(fixture.folder, "x".repeat(120));
  mkdirSync(long);
  const far = processFixture(long);
  const client = far.connect();
  try {
    const request = requestOf({ script: "echo far" });
    const ends: EndedFact[] = [];
    await client.start((fact) => ends.push(fact));
    await client.launch(request);
    await vi.waitFor(() => expect(ends.length).toBe(1), PATIENCE);
    expect(far.readLog(request.jobId, 1, "stdout").toString()).toBe("far\n");
  } finally {
    await client.close();
    await far.close();
  }
});

test("an attempt that is forgotten leaves nothing but its log", async () => {
  const request = requestOf({ script: "echo kept; mkdir -p deep/er; echo x > deep/er/file" });
  await launch(request);
  await endOf(request.name);
  await executor.forget(request.name);
  expect(existsSync(join(fixture.folder, "processes", request.name))).toBe(false);
  expect(fixture.readLog(request.jobId, 1, "stdout").toString()).toBe("kept\n");
});

test("no name leads out of the folder", async () => {
  for (const name of ["..", "../x", "a/b", ".gone-x", "A", ""]) {
    await expect(executor.find(name)).rejects.toThrow(/not a name/u);
    await expect(executor.launch({ ...requestOf({ script: "true" }), name })).rejects.toThrow(/not a name/u);
  }
});

test("hundreds of short processes end well, each once, and leave no process behind", async () => {
  const requests = Array.from({ length: 300 }, () => requestOf({ command: ["true"] }));
  await Promise.all(requests.map(launch));
  await vi.waitFor(() => expect(facts.length).toBeGreaterThanOrEqual(300), { timeout: 60_000, interval: 20 });
  expect(facts.every((fact) => fact.result.outcome === "succeeded")).toBe(true);
  expect(new Set(facts.map((fact) => fact.name)).size).toBe(300);
  const supervisor = fixture.supervisorPid();
  expect(readProcesses().filter((it) => it.parent === supervisor && it.state === "Z")).toEqual([]);
});

test("whenever the supervisor is killed, each name has one end and no more than one effect", async () => {
  const effects = join(fixture.folder, "effects");
  mkdirSync(effects);
  const requests = Array.from({ length: 60 }, () => requestOf({ script: `echo x >> "${effects}/$WINDLASS_ATTEMPT_NAME"; sleep 0.05` }));
  let launched = 0;
  const lane = async (first: number): Promise<void> => {
    for (let i = first; i < requests.length; i += 6) {
      const request = requests[i] ?? requestOf({});
      await vi.waitFor(async () => launch(request), PATIENCE);
      launched++;
    }
  };
  const killer = async (): Promise<void> => {
    for (const after of [7, 20, 33, 46]) {
      await vi.waitFor(() => expect(launched).toBeGreaterThanOrEqual(after), PATIENCE);
      await vi.waitFor(() => killQuietly(fixture.supervisorPid()), PATIENCE);
    }
  };
  await Promise.all([...Array.from({ length: 6 }, (_, k) => lane(k)), killer()]);
  for (const { name } of requests) {
    const fact = await endOf(name);
    const path = join(effects, name);
    const count = existsSync(path) ? readFileSync(path, "utf8").length / 2 : 0;
    if (fact.result.outcome === "succeeded") expect(count).toBe(1);
    else expect([fact.result.reason, count <= 1]).toEqual(["supervisor_lost", true]);
    expect(new Set(facts.filter((it) => it.name === name).map((it) => JSON.stringify(it))).size).toBe(1);
  }
  expect(facts.some((fact) => fact.result.reason === "supervisor_lost")).toBe(true);
});

async function start(more: Parameters<ProcessFixture["connect"]>[0] = {}): Promise<Executor> {
  const client = fixture.connect(more);
  facts = [];
  const own = facts;
  await client.start((fact) => own.push(fact));
  return client;
}

function requestOf(spec: ProcessSpec): LaunchRequest {
  const jobId = encodeId("job", ++jobs, new Uint8Array(10));
  return { name: externalNameOf(jobId, "fault", 1), jobId, attempt: 1, spec: { ...spec }, environment: {}, timeoutMs: null, graceMs: 1000 };
}

async function launch(request: LaunchRequest): Promise<{ readonly ref: string }> {
  const launched = await executor.launch(request);
  if ("refused" in launched) throw new Error(launched.refused.message ?? "refused");
  return launched;
}

async function run(spec: ProcessSpec): Promise<EndedFact> {
  const request = requestOf(spec);
  await launch(request);
  return endOf(request.name);
}

async function endOf(name: string): Promise<EndedFact> {
  return vi.waitFor(() => {
    const fact = facts.find((it) => it.name === name);
    if (fact === undefined) throw new Error(`${name} was not told to have ended`);
    return fact;
  }, PATIENCE);
}

async function printed(request: LaunchRequest, text: RegExp): Promise<void> {
  await vi.waitFor(() => expect(fixture.readLog(request.jobId, 1, "stdout").toString()).toMatch(text), PATIENCE);
}
