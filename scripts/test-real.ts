/** `npm run test:real`: the suites with real servers and real processes. */
import { close } from "./tally.ts";
import { runTests } from "./vitest-run.ts";

close(await runTests(["real", "cluster"]));
