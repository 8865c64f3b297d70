/**
 * `npm test`: everything. Suites that need a server (PostgreSQL, a cluster) start it themselves; where its program is not
 * installed they are skipped with a printed reason, except under CI=true, where they fail.
 */
import { runStaticChecks } from "./static-checks.ts";
import { close } from "./tally.ts";
import { runTests } from "./vitest-run.ts";

close([await runStaticChecks(), ...(await runTests(["architecture", "unit", "simulation", "real", "cluster"]))]);
