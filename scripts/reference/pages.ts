/**
 * All generated pages. To add one (the CLI's commands, the API's description), write its `ReferencePage` beside these
 * and put it into the list; `npm run gen` and the test on drift take it from here.
 */
import { apiPage } from "./api.ts";
import { commandLinePage } from "./command-line.ts";
import { errorsPage, eventsPage, outcomesPage, reasonsPage } from "./codes.ts";
import { fieldNotesPage } from "./field-notes.ts";
import { lifeCyclePage } from "./life-cycle.ts";
import type { ReferencePage } from "./page.ts";
import { permissionsPage } from "./permissions.ts";
import { sdkPage } from "./sdk.ts";
import { settingsPage } from "./settings.ts";

export const REFERENCE_PAGES: readonly ReferencePage[] = [
  fieldNotesPage,
  lifeCyclePage,
  outcomesPage,
  reasonsPage,
  errorsPage,
  eventsPage,
  settingsPage,
  permissionsPage,
  apiPage,
  commandLinePage,
  sdkPage,
];
