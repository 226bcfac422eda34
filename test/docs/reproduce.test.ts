/** @file `npm run reproduce`: a row comes out again, and one that doesn't is told. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { compared } from "../../scripts/reproduce.ts";
import { INDEX, RESULTS, type ResultRow } from "../../scripts/results-index.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const rows = JSON.parse(readFileSync(INDEX, "utf8")) as Record<string, ResultRow>;
const NAME = "emoji-small/fm-lora-epochs-1-1993";

/** Without the build that `npm run` begins with: tests have one. */
const reproduce = (...words: string[]) =>
  spawnSync(
    process.execPath,
    [join("node_modules", "tsx", "dist", "cli.mjs"), join("scripts", "reproduce.ts"), ...words],
    { cwd: root, encoding: "utf8" },
  );

describe("compared", () => {
  const row = rows[NAME]!;
  const kept = JSON.parse(readFileSync(join(RESULTS, `${NAME}.json`), "utf8"));
  const lda = kept.metrics.readouts.lda;
  const at = (lastAccuracy: number) => ({
    ...kept,
    metrics: { readouts: { ...kept.metrics.readouts, lda: { ...lda, lastAccuracy } } },
  });

  test("the kept run itself", () => {
    const { reproduced, lines } = compared(row, kept);
    expect(reproduced).toBe(true);
    expect(lines.join("\n")).not.toMatch(/within|beyond|SHA/);
  });

  test("within the tolerance, and beyond", () => {
    expect(compared(row, at(lda.lastAccuracy + 0.9 * row.tolerance)).reproduced).toBe(true);
    const { reproduced, lines } = compared(row, at(lda.lastAccuracy - 1.1 * row.tolerance));
    expect(reproduced).toBe(false);
    expect(lines[0]).toMatch(/^lda +last .* beyond$/m);
    expect(lines.at(-1)).toContain("NOT reproduced: tolerance");
  });

  test("other weights or images, and a head that is gone", () => {
    const identity = { ...kept.config.identity, data: "other" };
    const { reproduced, lines } = compared(row, { ...kept, config: { identity } });
    expect(reproduced).toBe(false);
    expect(lines.join("\n")).toContain(`data: SHA-256 other, but the row has ${row.data}`);
    expect(compared(row, { ...kept, metrics: { readouts: { lda } } }).reproduced).toBe(false);
  });
});

test("a row of emoji comes out again", () => {
  const { status, stdout, stderr } = reproduce(NAME);
  expect(status, stderr).toBe(0);
  expect(stdout).toContain("reproduced: tolerance");
  expect(stdout).toMatch(/^weights: the same\ndata: the same$/m);
}, 600_000);

test("rows are listed, and a wrong name is answered with the one that was meant", () => {
  expect(reproduce("--list").stdout.match(/^\S+\/\S+ {2}\(/gm)).toHaveLength(Object.keys(rows).length);
  const { status, stderr } = reproduce("emoji-small/fm-lora-epochs-1-1994");
  expect(status).toBe(2);
  expect(stderr).toContain(`there is no row "emoji-small/fm-lora-epochs-1-1994" (did you mean ${NAME}?)`);
}, 120_000);
