/** Schedules as a stranger makes them: by options, by files, in the file of a workflow; they fire, and say what became of each time. */
import { afterEach, expect, test } from "vitest";
import { stranger, workflowOf, type Stranger } from "./stranger.ts";

const here: Stranger[] = [];
afterEach(async () => {
  for (const one of here.splice(0)) await one.leave();
});

const FILE = `apiVersion: windlass.dev/v1
kind: Schedule
metadata: {name: nightly, labels: {team: data}}
workflow: greet
cron: ["30 2 * * *", "0 12 * * sat"]
timezone: America/New_York
exclude: ["2026-12-25"]
overlap: {policy: queue, limit: 3}
catch_up: {policy: all, window: 2h, limit: 5}
`;

interface Row {
  readonly jobId: string | null;
  readonly decision: string;
  readonly nominalAt: string;
}

test("a schedule fires by itself, can be asked what it did, rests and goes on", async () => {
  const me = await withServer();
  const json = async <T>(...args: readonly string[]): Promise<T> => JSON.parse((await me.windlass(...args, "--json")).stdout) as T;
  const made = await me.windlass(
    "schedules",
    "create",
    "each-second",
    "--workflow",
    "greet",
    "--every",
    "1s",
    "--overlap",
    "allow",
    "--overlap-limit",
    "50",
  );
  expect(made.stdout).toMatch(/^schedule: +each-second\nstate: +active/u);

  const fired = await ledgerOf(me, "each-second", (rows) => rows.some(({ decision }) => decision === "fired"));
  const row = fired.find(({ decision }) => decision === "fired") as Row;
  expect(await json("jobs", "get", row.jobId ?? "")).toMatchObject({
    name: "greet",
    cause: { type: "schedule", nominalAt: row.nominalAt },
  });
  expect(new Date(row.nominalAt).getUTCMilliseconds()).toBe(0);

  const paused = await json<{ pausedReason: string; nextAt: unknown }>("schedules", "pause", "each-second", "--reason", "lunch");
  expect([paused.pausedReason, paused.nextAt]).toEqual(["lunch", null]);
  expect((await me.windlass("schedules", "list")).stdout).toMatch(/each-second +paused by admin: lunch/u);
  expect((await me.windlass("schedules", "resume", "each-second")).stdout).toContain("active");
  const backfill = ["schedules", "backfill", "each-second", "--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T00:00:02Z"];
  expect((await me.windlass(...backfill)).stdout).toMatch(/^3 jobs of each-second: windlass schedules history each-second --run run_/u);
  expect((await me.windlass("schedules", "delete", "each-second")).code).toBe(0);
  expect((await me.windlass("schedules", "get", "each-second")).code).toBe(3);
});

test("files make and change schedules; what is wrong in one is told with its line, and changes nothing", async () => {
  const me = await withServer();
  me.write("nightly.yaml", FILE);
  expect((await me.windlass("schedules", "apply", "nightly.yaml")).stdout).toMatch(/^nightly was created; it fires next at /u);
  expect((await me.windlass("schedules", "apply", "nightly.yaml")).stdout).toMatch(/^nightly is unchanged; /u);
  const before = (await me.windlass("schedules", "get", "nightly", "--json")).stdout;
  me.write("wrong.yaml", FILE.replace("30 2 * * *", "30 25 31 2 *").replace("New_York", "NewYork").replace("overlap:", "overlaps:"));
  const wrong = await me.windlass("schedules", "apply", "wrong.yaml");
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain("wrong.yaml:5:8 cron[0]: hour (character 4): 25 is outside of 0 to 23");
  expect(wrong.stderr).toContain('wrong.yaml:6:11 timezone: "America/NewYork" is no zone');
  expect(wrong.stderr).toContain('unknown key "overlaps"; did you mean "overlap"?');
  expect((await me.windlass("schedules", "get", "nightly", "--json")).stdout).toBe(before);

  const next = await me.windlass("schedules", "next", "nightly", "--after", "2024-03-09T18:00:00Z", "-n", "2", "--zone", "Asia/Kathmandu");
  expect(next.stdout.split("\n").slice(1, 3)).toEqual([
    "2024-03-10T03:30:00-04:00  2024-03-10T13:15:00+05:45",
    "2024-03-11T02:30:00-04:00  2024-03-11T12:15:00+05:45",
  ]);
  const preview = await me.windlass(
    "schedules",
    "next",
    "--cron",
    "0 0 29 2 *",
    "--zone",
    "UTC",
    "--after",
    "2096-03-01T00:00:00Z",
    "-n",
    "1",
  );
  expect(preview.stdout).toContain("2104-02-29T00:00:00");
});

test("schedules in the file of a workflow come, change and go with it", async () => {
  const me = await withServer();
  const flow = (schedules: string) => `${workflowOf("report", "echo report")}${schedules}`;
  const two = `schedules:
  - {name: report-daily, cron: "0 6 * * mon-fri", timezone: Europe/Zurich}
  - {name: report-often, every: 90m}
`;
  me.write("report.yaml", flow(two));
  const applied = await me.windlass("workflows", "apply", "report.yaml");
  expect(applied.stdout).toBe("report@1 applied\n  schedule report-daily was created\n  schedule report-often was created\n");
  const alone = await me.windlass("schedules", "create", "report-daily", "--workflow", "report", "--cron", "@daily");
  expect(alone.code).toBe(4);
  me.write("report.yaml", flow('schedules: [{name: report-daily, cron: "0 7 * * *"}]\n'));
  expect((await me.windlass("workflows", "apply", "report.yaml")).stdout).toBe(
    "report@1 is unchanged\n  schedule report-daily was changed\n  schedule report-often was removed\n",
  );
  me.write("bad.yaml", flow('schedules: [{name: report-daily, cron: "0 99 * * *"}]\n'));
  const bad = await me.windlass("workflows", "validate", "bad.yaml");
  expect([bad.code, bad.stdout]).toEqual([2, expect.stringContaining("hour (character 3): 99 is outside of 0 to 23")]);
  await me.windlass("workflows", "delete", "report");
  expect((await me.windlass("schedules", "list", "--json")).stdout).toContain('"items": []');
});

async function withServer(): Promise<Stranger> {
  const me = stranger();
  here.push(me);
  await me.server();
  me.write("greet.yaml", workflowOf("greet", "echo hello"));
  await me.windlass("workflows", "apply", "greet.yaml");
  return me;
}

/** Asks until it is so; each question takes a process, so that is no busy loop. */
async function ledgerOf(me: Stranger, name: string, isSo: (rows: readonly Row[]) => boolean): Promise<readonly Row[]> {
  for (;;) {
    const { items } = JSON.parse((await me.windlass("schedules", "history", name, "--json")).stdout) as { items: readonly Row[] };
    if (isSo(items)) return items;
  }
}
