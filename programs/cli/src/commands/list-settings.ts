/** `windlass settings list` */
import type { SettingJson } from "@windlass/contract";
import { allPages } from "../connection/all-pages.ts";
import { connect } from "../connection/connect.ts";
import { presentTable } from "../output/api-object.ts";
import type { Call } from "../tree/call.ts";

export async function listSettings(call: Call): Promise<void> {
  const answer = await allPages(connect(call).client.settings.list);
  await presentTable<SettingJson>(call, answer, {
    columns: [
      { title: "SETTING", value: (setting) => setting.name },
      { title: "VALUE", value: (setting) => String(setting.value), elastic: true },
      { title: "FROM", value: (setting) => setting.source },
      { title: "VARIABLE", value: (setting) => setting.variable },
      { title: "MEANING", value: (setting) => setting.doc, elastic: true, wide: true },
    ],
    rows: answer.items,
    none: "This server tells no settings.",
  });
}
