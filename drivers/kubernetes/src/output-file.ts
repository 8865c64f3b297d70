/** What a container wrote to the file WINDLASS_OUTPUT: on a cluster it is the container's termination message. Pure. */
import { MAIN_CONTAINER } from "@windlass/kernel";
import { outputOfText, outputTooLarge, type FoundOutput } from "@windlass/ports";
import { endOf, type PodFact } from "./facts.ts";

/** Where a container writes its output. */
export const OUTPUT_PATH = "/dev/termination-log";
/** What a kubelet keeps of that; more was cut. */
const BYTES_MAX = 4_096;

/** Null: nothing was written. */
export function outputInFile(pod: PodFact | undefined): FoundOutput {
  const main = pod?.containers.find(({ name }) => name === MAIN_CONTAINER);
  const written = (main === undefined ? null : endOf(main))?.message ?? "";
  return Buffer.byteLength(written) >= BYTES_MAX
    ? outputTooLarge("the file WINDLASS_OUTPUT, of which a cluster keeps 4096 bytes,")
    : outputOfText(written);
}
