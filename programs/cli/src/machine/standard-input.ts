/**
 * All of standard input. It is read as the stream it is: whoever writes to a pipe may begin after this program does, and a
 * read that cannot wait would find nothing there and fail (EAGAIN).
 */
import { buffer } from "node:stream/consumers";

let read: Promise<Buffer> | undefined;

/** To its end. Whoever asks again gets the same, for it comes once. */
export function standardInput(): Promise<Buffer> {
  read ??= buffer(process.stdin);
  return read;
}
