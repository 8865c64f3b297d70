/** Small durable writes over a file that is there already, as a write-ahead log makes them: growing a file costs a second write. */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

const PAGE = Buffer.alloc(4_096, 1);
const PAGES = 1_024;

export interface FlushedPages {
  /** Returns when the disk has it. */
  write(): void;
  close(): void;
}

export function flushedPages(folder: string): FlushedPages {
  const file = openSync(join(folder, "flushes"), "w");
  writeSync(file, Buffer.alloc(PAGE.length * PAGES, 1));
  fdatasyncSync(file);
  let count = 0;
  return {
    write() {
      writeSync(file, PAGE, 0, PAGE.length, (count++ % PAGES) * PAGE.length);
      fdatasyncSync(file);
    },
    close: () => closeSync(file),
  };
}
