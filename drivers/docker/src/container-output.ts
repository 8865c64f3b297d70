/** Takes the output that a container wrote into its file out of it, also after its end. */
import { invalidOutput, OUTPUT_FILE_BYTES_MAX, outputOfText, outputTooLarge } from "@windlass/ports";
import type { FoundOutput } from "@windlass/ports";
import type { ContainerEngine } from "./container-engine.ts";
import { OUTPUT_PATH } from "./create-body.ts";
import { firstFileOf } from "./tar-file.ts";

const TAR_ROOM = 16_384;

/** Null when nothing was written. */
export async function readOutput(engine: ContainerEngine, id: string): Promise<FoundOutput> {
  const archive = await engine.getFile(id, OUTPUT_PATH);
  if (archive === null) return null;
  let bytes: Buffer = Buffer.alloc(0);
  for await (const part of archive as AsyncIterable<Uint8Array>) {
    bytes = Buffer.concat([bytes, part]);
    // The head of the archive says how large the file is: one that is too large is not read on.
    if (firstFileOf(bytes, OUTPUT_FILE_BYTES_MAX) === "too large" || bytes.length > OUTPUT_FILE_BYTES_MAX + TAR_ROOM) {
      archive.destroy();
      return outputTooLarge("the file WINDLASS_OUTPUT");
    }
  }
  const file = firstFileOf(bytes, OUTPUT_FILE_BYTES_MAX);
  if (file === "incomplete") return null;
  return typeof file === "string"
    ? invalidOutput("WINDLASS_OUTPUT is not an ordinary file any more")
    : outputOfText(file.bytes.toString("utf8"));
}
