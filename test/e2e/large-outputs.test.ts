/** Outputs that are too large to be passed on, from the step that made them to those that read them, on both stores. */
import { OUTPUT_LENGTH_MAX, OUTPUT_PASSED_ON_MAX } from "@windlass/kernel";
import { testPostgres } from "@windlass/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { stranger, type Stranger } from "./stranger.ts";

const postgres = testPostgres();
/** Rows of ten characters each: 600,000 in all. */
const ROWS = 60_000;

const FILE = `apiVersion: windlass.dev/v1
kind: Workflow
metadata: {name: large}
steps:
  - name: make
    tool: {kind: shell, script: 'i=0; { printf "{\\"rows\\": ["; while [ $i -lt ${ROWS - 1} ]; do printf "\\"%07d\\"," $i; i=$((i+1)); done; printf "\\"last\\"], \\"small\\": 7}"; } > "$WINDLASS_OUTPUT"'}
  - name: count
    needs: [make]
    when: size(make.rows) == ${ROWS}
    tool: {kind: shell, script: 'echo "$N $LAST"', env: {N: "{{ size(make.rows) }}", LAST: "{{ make.output.rows[${ROWS - 1}] }}"}}
  - name: each
    needs: [make]
    foreach: "{{ [make.rows[0], make.rows[1]] }}"
    tool: {kind: shell, script: 'head -c 100000 /dev/zero | tr "\\0" x | sed "s/.*/\\"&\\"/" > "$WINDLASS_OUTPUT"'}
  - name: again
    needs: [make]
    until: size(again.output) == ${OUTPUT_PASSED_ON_MAX + 10}
    max_rounds: 2
    tool: {kind: shell, script: 'head -c ${OUTPUT_PASSED_ON_MAX + 10} /dev/zero | tr "\\0" y | sed "s/.*/\\"&\\"/" > "$WINDLASS_OUTPUT"'}
finally:
  - {name: clean, tool: {kind: shell, script: 'echo "$KIND"', env: {KIND: "{{ make.outcome }} {{ size(make.rows) }}"}}}
output:
  small: "{{ make.small }}"
  items: "{{ each.output.map(it, size(it)) }}"
  again: "{{ size(again.output) }}"
`;

describe("on SQLite", () => {
  suite(async (at) => at.server());
});
describe.skipIf(postgres.missing)("on PostgreSQL", () => {
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());
  suite(async (at) => at.server("--store", await postgres.schema()));
});

function suite(serve: (at: Stranger) => Promise<unknown>): void {
  let me: Stranger;
  afterEach(() => me.leave());

  test("conditions, templates, loops, rounds and what runs at the end read it whole; whoever asks for the job gets it", async () => {
    me = stranger();
    await serve(me);
    me.write("large.yaml", FILE);
    const run = await me.windlass("run", "large.yaml", "--wait", "--json");
    const execution = JSON.parse(run.stdout) as { id: string };
    expect(execution).toMatchObject({
      state: "succeeded",
      output: { small: 7, items: [100_000, 100_000], again: OUTPUT_PASSED_ON_MAX + 10 },
    });
    const logs = (await me.windlass("logs", execution.id)).stdout;
    expect(logs).toContain(`${ROWS} last`);
    expect(logs).toContain(`succeeded ${ROWS}`);
    const shown = JSON.parse((await me.windlass("jobs", "get", execution.id, "--json")).stdout) as {
      steps: { id: string; name: string; output: unknown }[];
    };
    const make = shown.steps.find(({ name }) => name === "make");
    expect(make?.output).toBeNull();
    const made = JSON.parse((await me.windlass("jobs", "get", make?.id ?? "", "--json")).stdout) as { output: { rows: string[] } };
    expect([made.output.rows.length, made.output.rows[0], made.output.rows.at(-1)]).toEqual([ROWS, "0000000", "last"]);
  });

  test("what is larger than any output may be fails its step, and says how large one may be", async () => {
    me = stranger();
    await serve(me);
    const text = `head -c ${OUTPUT_LENGTH_MAX} /dev/zero | tr "\\0" x | sed "s/.*/\\"&\\"/" > "$WINDLASS_OUTPUT"`;
    const submitted = await me.windlass("jobs", "submit", "--json", "--", "sh", "-c", text);
    const { id } = JSON.parse(submitted.stdout) as { id: string };
    await me.windlass("jobs", "watch", id);
    expect(JSON.parse((await me.windlass("jobs", "get", id, "--json")).stdout)).toMatchObject({
      outcome: "failed",
      reason: "output_too_large",
      message: expect.stringContaining(String(OUTPUT_LENGTH_MAX)),
      output: null,
    });
  });
}
