import { failedDispatch } from "@windlass/kernel";
import type { DueSchedule } from "@windlass/ports";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testServer, type TestServer } from "./server-fixture.ts";

let server: TestServer;
let api: TestServer["api"]["schedules"];
beforeAll(async () => {
  server = await testServer();
  api = server.api.schedules;
  await server.api.workflows.apply({ source: JSON.stringify({ name: "report", steps: ["sum"] }) });
});
afterAll(() => server.close());

/** Once a year: nothing of it fires while a test looks. */
const YEARLY = { workflow: "report", cron: "0 0 1 1 *" };
const problemOf = async (work: Promise<unknown>) =>
  work.then(
    () => "it was taken",
    (error: unknown) => error,
  );

test("a schedule is made of the fields of its file, shown, listed, and gone when it is deleted", async () => {
  const made = await api.create({
    name: "yearly",
    ...YEARLY,
    timezone: "Europe/Zurich",
    input: { day: "{{ schedule.nominal_date }}" },
    labels: { team: "data" },
  });
  expect(made).toMatchObject({
    name: "yearly",
    timing: { cron: ["0 0 1 1 *"], timezone: "Europe/Zurich", everyMs: null },
    template: { kind: "workflow", name: "report" },
    overlap: { policy: "forbid", limit: 1 },
    catchUp: { policy: "latest", windowMs: 3_600_000 },
    paused: false,
    revision: 1,
  });
  expect(made.nextAt?.slice(4)).toBe("-12-31T23:00:00.000Z");
  expect(await api.get({ name: "yearly" })).toEqual(made);
  expect((await api.list()).items.map(({ name }) => name)).toContain("yearly");
  expect(await problemOf(api.create({ name: "yearly", ...YEARLY }))).toMatchObject({ code: "conflict" });
  await api.delete({ name: "yearly" });
  expect(await problemOf(api.get({ name: "yearly" }))).toMatchObject({ code: "not_found" });
});

test("everything that is wrong is told at once, with the field and the character, and nothing is stored", async () => {
  const bad = {
    name: "Bad name",
    workflow: "report",
    cron: ["61 * * * *", "* * 31 2 *"],
    timezone: "Zurich",
    overlap: "forbit",
    jitter: "soon",
  };
  const error = (await problemOf(api.create(bad))) as { faults: readonly { path: string; message: string }[] };
  expect(error.faults.map(({ path }) => path).toSorted()).toEqual(["cron.0", "cron.1", "jitter", "name", "overlap", "timezone"]);
  expect(error.faults.find(({ path }) => path === "cron.0")?.message).toBe("minute (character 1): 61 is outside of 0 to 59");
  expect(error.faults.find(({ path }) => path === "overlap")?.message).toContain('did you mean "forbid"?');
  expect((await api.list()).items).toEqual([]);
});

test("a refused change leaves what is stored", async () => {
  await api.create({ name: "kept", ...YEARLY });
  const before = await api.get({ name: "kept" });
  for (const change of [
    { ...YEARLY, cron: "0 0 31 2 *" },
    { ...YEARLY, timezone: "Mars" },
    { workflow: "report", every: "0s" },
    { ...YEARLY, workflow: "reprot" },
  ])
    expect(await problemOf(api.apply({ source: JSON.stringify({ name: "kept", ...change }) }))).not.toBe("it was taken");
  expect(await api.get({ name: "kept" })).toEqual(before);
});

test("applying the same again changes nothing, another one counts from now on", async () => {
  const source = JSON.stringify({ name: "applied", ...YEARLY });
  expect((await api.apply({ source })).change).toBe("created");
  expect(await api.apply({ source })).toMatchObject({ change: "unchanged", schedule: { revision: 1 } });
  const changed = await api.apply({ source: JSON.stringify({ name: "applied", ...YEARLY, cron: "0 0 1 2 *" }) });
  expect(changed).toMatchObject({ change: "changed", schedule: { revision: 2, timing: { cron: ["0 0 1 2 *"] } } });
});

test("a preview shows what is not stored, in both zones", async () => {
  const { items } = await api.preview({
    cron: "30 2 * * *",
    timezone: "America/New_York",
    zone: "UTC",
    count: 2,
    after: "2024-03-10T00:00:00Z",
  });
  expect(items).toEqual([
    { at: "2024-03-10T07:30:00.000Z", local: "2024-03-10T03:30:00-04:00", viewed: "2024-03-10T07:30:00+00:00" },
    { at: "2024-03-11T06:30:00.000Z", local: "2024-03-11T02:30:00-04:00", viewed: "2024-03-11T06:30:00+00:00" },
  ]);
  expect(await problemOf(api.preview({ cron: "0 0 31 2 *" }))).toMatchObject({ code: "invalid" });
});

test("a job that has ended is not among those that run, also while nobody looks at the schedule", async () => {
  await api.create({ name: "paused-with-a-job", ...YEARLY, paused: true });
  const { job } = await server.api.jobs.submit({ name: "long", executor: "handler", spec: { handler: "nobody-has-it" } });
  const { schedules } = server.engine.context.store;
  const { schedule, cursor } = (await schedules.get("default", "paused-with-a-job")) as DueSchedule;
  const running = [{ jobId: job.id, nominalAt: 0 }];
  await schedules.dispatch(
    [{ ...cursor, scheduleId: schedule.id, cursor: { ...cursor, running }, added: [], settled: [], changes: [] }],
    1,
  );
  const shown = async () => [
    (await api.get({ name: "paused-with-a-job" })).running,
    (await api.list()).items.find(({ name }) => name === "paused-with-a-job")?.running,
  ];
  expect(await shown()).toEqual([1, 1]);
  await server.api.jobs.cancel({ id: job.id });
  expect(await shown()).toEqual([0, 0]);
});

test("one that is paused says who and why, and has no next fires", async () => {
  await api.create({ name: "resting", ...YEARLY });
  expect(await api.pause({ name: "resting", reason: "holidays" })).toMatchObject({
    paused: true,
    pausedBy: "admin",
    pausedReason: "holidays",
    nextAt: null,
  });
  expect(await api.next({ name: "resting" })).toMatchObject({ paused: true, items: [] });
  expect(await api.resume({ name: "resting" })).toMatchObject({ paused: false, pausedBy: null });
  expect((await api.next({ name: "resting", count: 3 })).items).toHaveLength(3);
});

test("a run by hand and a backfill make jobs that see their times, and stand in the history", async () => {
  await api.create({ name: "asked", workflow: "report", cron: "0 0 * * *", input: { day: "{{ schedule.nominal_date }}" } });
  const { job } = await api.run({ name: "asked" });
  expect(job.cause).toMatchObject({ type: "schedule" });
  const span = { name: "asked", from: "2024-02-27T00:00:00Z", to: "2024-03-01T00:00:00Z" };
  expect(await api.backfill({ ...span, dryRun: true })).toMatchObject({
    run: null,
    jobIds: [],
    times: ["2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01"].map((day) => `${day}T00:00:00.000Z`),
  });
  const filled = await api.backfill({ ...span, limit: 2 });
  expect(filled).toMatchObject({ isCut: true, refused: [] });
  expect(filled.jobIds).toHaveLength(2);
  const records = await server.engine.context.store.jobs.records(filled.jobIds);
  expect(records.map(({ input }) => input)).toEqual([{ day: "2024-02-27" }, { day: "2024-02-28" }]);
  const { items } = await api.history({ name: "asked", run: filled.run ?? "" });
  expect(items.map(({ nominalAt, origin, decision }) => [nominalAt.slice(0, 10), origin, decision])).toEqual([
    ["2024-02-28", "backfill", "fired"],
    ["2024-02-27", "backfill", "fired"],
  ]);
  expect((await api.history({ name: "asked", origin: "manual" })).items.map(({ jobId }) => jobId)).toEqual([job.id]);
  const pages = await api.history({ name: "asked", limit: 1 });
  expect((await api.history({ name: "asked", limit: 9, cursor: pages.nextCursor ?? "" })).items).toHaveLength(2);
  expect(await problemOf(api.backfill({ ...span, to: "2999-01-01T00:00:00Z" }))).toMatchObject({ code: "invalid" });
});

test("who may not let commands run can schedule none", async () => {
  await server.api.workflows.apply({ source: JSON.stringify({ name: "shell-report", steps: [], shell: true }) });
  const { secret } = await server.api.tokens.create({ name: "planner", permissions: ["schedules:write", "schedules:read"] });
  const body = { name: "commands", cron: "0 0 1 1 *", workflow: "shell-report" };
  const answer = await server.ask("POST", "/api/v1/schedules", { body, headers: { authorization: `Bearer ${secret}` } });
  expect([answer.status, ((await answer.json()) as { detail: string }).detail]).toEqual([403, expect.stringContaining("jobs:command")]);
});

let askers = 0;

/** What who has these permissions is answered. */
async function askedBy(permissions: readonly string[], path: string, body: unknown): Promise<[number, string]> {
  const { secret } = await server.api.tokens.create({ name: `asker-${++askers}`, permissions: permissions as never });
  const answer = await server.ask("POST", path, { body, headers: { authorization: `Bearer ${secret}` } });
  return [answer.status, await answer.text()];
}

test("who may not let commands run can resume none, and put none into the file of a workflow", async () => {
  const file = { name: "shell-inline", steps: [], shell: true };
  await server.api.workflows.apply({ source: JSON.stringify(file) });
  await api.create({ name: "resting-commands", cron: "0 0 1 1 *", workflow: "shell-inline", paused: true });
  const planner = ["schedules:write", "schedules:read", "workflows:write", "workflows:read"];
  const refusal = [403, expect.stringContaining("jobs:command")];
  expect(await askedBy(planner, "/api/v1/schedules/resting-commands/resume", {})).toEqual(refusal);
  expect(await api.get({ name: "resting-commands" })).toMatchObject({ paused: true });
  const source = JSON.stringify({
    name: "caller",
    steps: [],
    calls: ["shell-inline"],
    schedules: [{ name: "inline-commands", cron: "0 0 1 1 *" }],
  });
  expect(await askedBy(planner, "/api/v1/workflows", { source })).toEqual(refusal);
  expect(await problemOf(server.api.workflows.get({ name: "caller" })), "nor is the workflow stored").toMatchObject({
    code: "not_found",
  });
  expect(await askedBy([...planner, "jobs:command"], "/api/v1/workflows", { source })).toEqual([200, expect.any(String)]);
  expect(await api.get({ name: "inline-commands" })).toMatchObject({ source: "workflow/caller" });
});

test("the history of one that was deleted is found by its id, within its workspace", async () => {
  const { id } = await api.create({ name: "passing", ...YEARLY });
  await api.run({ name: "passing" });
  expect(await api.delete({ name: "passing" })).toEqual({ name: "passing", id });
  expect((await api.history({ name: id })).items).toMatchObject([{ origin: "manual", decision: "fired" }]);
  expect(await problemOf(api.history({ name: "passing" }))).toMatchObject({ code: "not_found" });
  await server.api.workspaces.create({ name: "acme" });
  const foreign = await server.ask("GET", `/api/v1/schedules/${id}/history`, { headers: { "windlass-workspace": "acme" } });
  expect(foreign.status).toBe(404);
  expect(await problemOf(api.history({ name: "sch_none" }))).toMatchObject({ code: "not_found" });
});

test("a job that is a workflow says its name and no more, and times are of years that have calendars", async () => {
  const faultsOf = async (work: Promise<unknown>) =>
    ((await problemOf(work)) as { faults?: readonly { path: string; message: string }[] }).faults?.map(
      ({ path, message }) => `${path}: ${message}`,
    );
  const job = { kind: "workflow", name: "report", nmae: "x" };
  expect(await faultsOf(api.create({ name: "odd", cron: "@yearly", job }))).toEqual(['job.nmae: unknown key "nmae"; did you mean "name"?']);
  const years = expect.stringContaining("1970");
  expect(await faultsOf(api.create({ name: "odd", ...YEARLY, starts: "0050-01-01", timezone: "America/New_York" }))).toEqual([years]);
  expect(await faultsOf(api.preview({ cron: "@yearly", after: "0050-01-01T00:00:00Z" }))).toEqual([years]);
  expect(await faultsOf(api.preview({ cron: "@yearly", after: "9999-12-31T00:00:00Z" }))).toEqual([years]);
  await api.create({ name: "ancient", ...YEARLY });
  const span = { name: "ancient", from: "1900-01-01T00:00:00Z", to: "1901-01-01T00:00:00Z" };
  expect(await faultsOf(api.backfill(span))).toEqual([years, years]);
});

test("one that cannot be decided about says why, is listed so, and can be paused", async () => {
  const { id } = await api.create({ name: "failing", ...YEARLY });
  const { store } = server.engine.context;
  const { cursor } = (await store.schedules.get("default", "failing")) ?? expect.fail("it is there");
  await store.schedules.dispatch([failedDispatch(cursor, "the registry does not answer", { now: 1_000 })], 1_000);
  const failing = { message: "the registry does not answer", since: "1970-01-01T00:00:01.000Z", times: 1 };
  expect((await api.list()).items.find((one) => one.id === id)?.failing).toEqual(failing);
  expect(await api.pause({ name: "failing" })).toMatchObject({ paused: true, failing: { times: 1 } });
});

test("what is due is fired by itself", async () => {
  await api.create({
    name: "soon",
    every: "1s",
    job: { name: "tick", executor: "handler", spec: { handler: "tick" }, input: { from: "the job" } },
  });
  const fired = new Promise<unknown>((resolve) => void server.work({ tick: async ({ input }) => (resolve(input), null) }));
  expect(await fired).toEqual({ from: "the job" });
  await api.delete({ name: "soon" });
});

test("what no job could have is refused when it is saved: a label that is too long, a kind that there is not", async () => {
  const bad = { name: "odd", cron: "0 0 1 1 *", labels: { text: "x".repeat(501) }, job: { kind: "constructor", name: "a" } };
  const error = (await problemOf(api.create(bad))) as { faults: readonly { path: string; message: string }[] };
  expect(error.faults.map(({ path }) => path).toSorted()).toEqual(["job.kind", "labels.text"]);
});

test("the tag of an answer to apply is one that a change may name", async () => {
  const source = JSON.stringify({ name: "tagged", ...YEARLY });
  const apply = (headers: Record<string, string>, text: string) =>
    server.ask("POST", "/api/v1/schedule-files", { headers, body: { source: text } });
  const tag = (await apply({}, source)).headers.get("etag") ?? "";
  const other = JSON.stringify({ name: "tagged", ...YEARLY, cron: "0 0 2 1 *" });
  expect((await apply({ "if-match": tag }, other)).status).toBe(200);
  expect((await apply({ "if-match": tag }, other)).status).toBe(412);
});
