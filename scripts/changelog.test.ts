import { expect, test } from "vitest";
import { changelogWith } from "./changelog.ts";

test("a new version comes below the introduction and above the older versions", () => {
  const before = "# Changelog\n\nIntroduction.\n\n## 0.1.0\n\n### New\n\n- first\n";
  const after = changelogWith(before, { version: "0.2.0", changes: [{ size: "minor", text: "second\n" }] });
  expect(after).toBe("# Changelog\n\nIntroduction.\n\n## 0.2.0\n\n### New\n\n- second\n\n## 0.1.0\n\n### New\n\n- first\n");
});

test("what users must change for comes first, and a long text stays one item", () => {
  const after = changelogWith("# Changelog\n", {
    version: "1.0.0",
    changes: [
      { size: "patch", text: "mended" },
      { size: "major", text: "other name\n\n```\nold → new\n```" },
    ],
  });
  expect(after).toBe(
    "# Changelog\n\n## 1.0.0\n\n### What you must change for\n\n- other name\n\n  ```\n  old → new\n  ```\n\n### Mended\n\n- mended\n",
  );
});
