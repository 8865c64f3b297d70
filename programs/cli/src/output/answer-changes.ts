/**
 * What is new in an answer that is given again and again, as text for a pipe. Of a list, the rows that are new or
 * changed; of one object, the object when it changed. Compared are the objects, not the text: ages are no change. Pure.
 */
import { isForPeople, itemsOf, nameOf, type Answer, type Presentation } from "./present.ts";
import { renderTable } from "./table.ts";

/** More are not remembered: the oldest is told again if it comes again. */
const REMEMBERED_MAX = 10_000;

export function changesOf({ terminal, format }: Presentation): (answer: Answer) => Promise<string> {
  const known = new Map<string, string>();
  const widths: number[] = [];
  const isNews = (item: unknown): boolean => {
    const key = nameOf(item) ?? "";
    const text = JSON.stringify(item);
    if (known.get(key) === text) return false;
    known.delete(key);
    known.set(key, text);
    if (known.size > REMEMBERED_MAX) known.delete(known.keys().next().value ?? "");
    return true;
  };
  return async (answer) => {
    if (isForPeople(format) && answer.table !== undefined) {
      const rows = answer.table.rows.filter(isNews);
      const options = { style: terminal.style, width: undefined, wide: format === "wide", after: widths };
      return rows.length === 0 ? "" : renderTable(answer.table.columns, rows, options);
    }
    if (isForPeople(format)) return isNews(answer.object) ? answer.human(format === "wide") : "";
    const items = itemsOf(answer.object).filter(isNews);
    if (format === "json") return items.map((item) => `${JSON.stringify(item)}\n`).join("");
    if (format === "name") return items.map((item) => `${nameOf(item) ?? ""}\n`).join("");
    const { stringify } = await import("yaml");
    return items.map((item) => `---\n${stringify(item)}`).join("");
  };
}
