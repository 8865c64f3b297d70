/** `windlass restore` */
import { resolve } from "node:path";
import { restore as restoreBackup } from "../backup/restore.ts";
import { stepLine } from "../backup/step-line.ts";
import { settingsFrom } from "../compose/settings.ts";
import { dataFolderOf } from "../connection/connect.ts";
import { fields } from "../output/api-object.ts";
import { count } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export async function restore(call: Call<{ readonly store?: string }>): Promise<void> {
  const { options, environment } = call;
  const from = argumentOf(call, 0);
  const folder = resolve(dataFolderOf(options, environment));
  const line = stepLine(call.terminal);
  try {
    const given = options.store === undefined ? {} : { "store.url": options.store };
    const storeUrl = settingsFrom(environment, given)["store.url"];
    const manifest = await restoreBackup({ from, folder, storeUrl, environment, onStep: line.show });
    line.clear();
    await present(call, { ...manifest, data: folder }, () =>
      fields(call, [
        ["data folder", folder],
        ["state of", `${manifest.createdAt}: ${count(manifest.rows["jobs"] ?? 0, "job")}`],
        [
          "under way",
          manifest.underWay === 0
            ? "nothing"
            : `${count(manifest.underWay, "attempt")}: lost when a server starts, and tried again by the retry policies of their jobs`,
        ],
        ["next", `windlass server --data ${folder}${manifest.store === "postgres" ? " --store …" : ""}   (it makes a new admin token)`],
      ]),
    );
  } finally {
    line.clear();
  }
}
