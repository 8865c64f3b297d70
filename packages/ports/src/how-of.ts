import { messageOf } from "@windlass/kernel";
import type { DeadNotice, Redrive } from "./notices.ts";

/** How a letter is sent again, or why whoever is asked for that refuses it: the letters behind it are asked about all the same. */
export function howOf(how: (letter: DeadNotice) => Redrive, letter: DeadNotice): Redrive | { readonly why: string } {
  try {
    return how(letter);
  } catch (error) {
    return { why: messageOf(error) };
  }
}
