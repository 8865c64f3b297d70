/** For programs in TypeScript: Windlass in the same process. The command line itself begins in main.ts. */
export { openEmbedded, type Embedded, type EmbeddedOptions } from "./embedded.ts";
