import { describe, expect, test } from "vitest";
import { chartDocument } from "../../src/node/runs/chart-document.ts";
import { compareRuns } from "../../src/report/comparison/compare.ts";
import { comparisonCsv } from "../../src/report/comparison/csv.ts";
import { comparisonHtml } from "../../src/report/comparison/html.ts";
import { changed, runs, runWith } from "./compared.ts";

test("CSV has a row for every run under every readout, with what it differs by", () => {
  const lines = comparisonCsv(compareRuns(runs)).trimEnd().split("\r\n");
  expect(lines.length).toBe(1 + runs.length);
  const columns = lines[0]!.split(",");
  const row = Object.fromEntries(
    lines[4]!
      .replace(/"[^"]*"/, "quoted")
      .split(",")
      .map((value, k) => [columns[k], value]),
  );
  expect(row).toMatchObject({
    setting: "quoted",
    method: "fm-lora",
    readout: "lda",
    seed: "0",
    reference: "lora",
  });
  expect(Number(row.last_accuracy)).toBeCloseTo(0.73, 10);
  expect(Number(row.last_difference)).toBeCloseTo(0.03, 10);
  expect(Number(row.last_over_frozen_lda)).toBeCloseTo(0.08, 10);
  const formula = comparisonCsv(compareRuns([runWith('=1+"1"', 0, { lda: 0.7 })]));
  expect(formula).toContain(`,"'=1+""1""",lda,`);
});

describe("comparisonHtml", () => {
  const html = comparisonHtml(chartDocument(), compareRuns(runs));
  const titles = (page: string): string[] =>
    [...page.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, title]) => title!);

  test("is one page without scripts and requests, with curves, error bars and all tables", () => {
    expect(titles(html)).toEqual([
      "Accuracy over tasks",
      "Last accuracy",
      "Numbers",
      "Differences from lora",
      "Methods",
    ]);
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(html).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)|NaN|undefined|Infinity/);
    const groups = (title: string, mark: RegExp): number =>
      html.split(`<h2>${title}</h2>`)[1]!.split("</section>")[0]!.match(mark)?.length ?? 0;
    // Four methods have three seeds.
    expect(groups("Accuracy over tasks", /<g [^>]*stroke-width="1\.25"/g)).toBe(4);
    // Values and differences, each with bars and a dashed line.
    expect(groups("Last accuracy", /<g [^>]*(stroke-width="2"|stroke-dasharray="4[ ,]3")/g)).toBe(4);
    expect(html).toContain('<td>+3.0 (+2.7 to +3.4)</td><td class="left">higher</td>');
  });

  test("settings that differ have sections of their own, and say why", () => {
    const other = changed(runs[0]!, { benchmark: "pacs", dataset: "pacs" });
    const page = comparisonHtml(chartDocument(), compareRuns([...runs, other]));
    expect(titles(page)).toContain("pacs, vit-small-patch14, 1,000 test images");
    expect(page).toContain("Tables are apart where runs differ in benchmark: cifar100 B0 Inc10; pacs.");
  });

  test("hostile names stay text", () => {
    const evil = `<script>alert("1")</script>'&`;
    const page = comparisonHtml(
      chartDocument(),
      compareRuns([changed(runWith(evil, 0, { [evil]: 0.7 }), { benchmark: evil, backbone: evil }), ...runs]),
    );
    expect(page).not.toMatch(/<script/i);
    expect(page).not.toMatch(/="[^"<>]*<[^"]*"/);
  });
});
