/** `npm run check`: all that is quick. Before each commit. */
import { runStaticChecks } from "./static-checks.ts";
import { close } from "./tally.ts";
import { runTests } from "./vitest-run.ts";

close([await runStaticChecks(), ...(await runTests(["architecture", "unit"]))]);
