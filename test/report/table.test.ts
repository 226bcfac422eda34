import { describe, expect, test } from "vitest";
import { summarize } from "../../src/metrics/accuracy-matrix.ts";
import type { RunMetrics } from "../../src/metrics/run-metrics.ts";
import { comparisonTable } from "../../src/report/comparison.ts";
import { runTable } from "../../src/report/table.ts";
import { exampleRun } from "./example.ts";

describe("runTable", () => {
  test("text for the terminal", () => {
    expect(runTable(exampleRun(3).metrics)).toMatchInlineSnapshot(`
      "fm-lora on cifar100 B0 Inc10, vit-small-patch14, seed 1, order seed 1993, readout lda-compensated

      after task  micro %  macro %  new task %    state  seconds  name
               1     90.0     90.0        90.0  1.84 MB     62.5  classes 0-9
               2     84.6     84.6        89.2  1.85 MB     63.5  classes 10-19
               3     80.3     80.3        91.8  1.87 MB     64.4  classes 20-29

      last 80.3 % (micro)
      average 85.0 % (micro)
      no training 70.0 % (frozen lda)
      forgetting 15.0 points
      backward transfer -15.0 points
      28.3 training images/s
      3 min 8 s

      readout                     last %  average %  forgetting  backward transfer
      lda-compensated (reported)    80.3       85.0        15.0              -15.0
      lda-old-statistics            73.3       78.0        15.0              -15.0
      local-ce                      65.3       70.0        15.0              -15.0
      "
    `);
  });

  test("Markdown", () => {
    expect(runTable(exampleRun(2).metrics, { format: "markdown" })).toMatchInlineSnapshot(`
      "fm-lora on cifar100 B0 Inc10, vit-small-patch14, seed 1, order seed 1993, readout lda-compensated

      | after task | micro % | macro % | new task % | state | seconds | name |
      | ---: | ---: | ---: | ---: | ---: | ---: | :--- |
      | 1 | 90.0 | 90.0 | 90.0 | 1.84 MB | 62.5 | classes 0-9 |
      | 2 | 82.1 | 82.1 | 89.2 | 1.85 MB | 63.5 | classes 10-19 |

      last 82.1 % (micro), average 86.1 % (micro), no training 70.0 % (frozen lda), forgetting 15.0 points, backward transfer -15.0 points, 28.3 training images/s, 2 min 5 s

      | readout | last % | average % | forgetting | backward transfer |
      | :--- | ---: | ---: | ---: | ---: |
      | lda-compensated (reported) | 82.1 | 86.1 | 15.0 | -15.0 |
      | lda-old-statistics | 75.1 | 79.0 | 15.0 | -15.0 |
      | local-ce | 67.1 | 71.0 | 15.0 | -15.0 |
      "
    `);
  });

  test("micro and macro of unbalanced tasks differ, one readout needs no table of readouts", () => {
    const readout = summarize([[1], [0.5, 0]], [90, 10]);
    const metrics: RunMetrics = {
      ...exampleRun(2).metrics,
      ...readout,
      readouts: { "lda-compensated": readout },
    };
    const text = runTable(metrics);
    expect(text).toMatch(/^ +2 +45\.0 +25\.0 +0\.0 /m);
    expect(text).not.toContain("(reported)");
  });

  test("fits a terminal of 80 columns, whatever was measured and tasks are called", () => {
    const { metrics } = exampleRun(3);
    const all = { ...metrics, forwardTransfer: 0.1, anytimeAccuracy: 0.5 };
    const readouts = { gaussian: all, ranpac: all };
    const taskNames = metrics.taskNames.map((name) => name.repeat(9));
    const lines = runTable({ ...all, readout: "gaussian", readouts, taskNames })
      .split("\n")
      .slice(1);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.slice(-6, -3).map((line) => line.trim().split(/ +/))).toEqual([
      ["anytime"],
      ["last", "average", "backward", "forward", "%"],
      ["readout", "%", "%", "forgetting", "transfer", "transfer", "(A_AUC)"],
    ]);
  });

  test("names cannot steer the terminal or break a Markdown table", () => {
    const metrics: RunMetrics = {
      ...exampleRun(1).metrics,
      taskNames: ["a|b\u001b[2J\n<script>"],
      method: "m\u001b[2J",
    };
    const text = runTable(metrics);
    expect(text).not.toContain("\u001b");
    expect(text).toContain("a|b [2J <script>");
    expect(runTable(metrics, { format: "markdown" })).toContain("| a\\|b \\[2J \\<script\\> |");
  });
});

/** A run with the given last accuracy of a second task; everything else as in the example. */
function runWith(method: string, seed: number, last: number): RunMetrics {
  const readout = summarize([[0.9], [0.8, 2 * last - 0.8]], [500, 500]);
  return { ...exampleRun(2).metrics, ...readout, method, seed, readouts: { "lda-compensated": readout } };
}

describe("comparisonTable", () => {
  const runs = [
    ...[0.7, 0.72, 0.68].map((last, seed) => runWith("lora", seed, last)),
    ...[0.73, 0.752, 0.709].map((last, seed) => runWith("fm-lora", seed, last)),
    ...[0.71, 0.7, 0.7].map((last, seed) => runWith("inflora", seed, last)),
    runWith("joint", 0, 0.8),
    runWith("frozen", 9, 0.6),
  ];

  test("groups methods, pairs seeds with a reference, calls a tie a tie", () => {
    expect(comparisonTable(runs)).toMatchInlineSnapshot(`
      "**cifar100 B0 Inc10, vit-small-patch14, 1,000 test images**

      | method | readout | runs | last % | average % | forgetting | backward transfer | state | images/s | time |
      | :--- | :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
      | lora | lda-compensated | 3 | 70.0 ± 2.0 | 80.0 ± 1.0 | 10.0 ± 0.0 | -10.0 ± 0.0 | 1.85 MB | 28.3 | 2 min 5 s |
      | fm-lora | lda-compensated | 3 | 73.0 ± 2.2 | 81.5 ± 1.1 | 10.0 ± 0.0 | -10.0 ± 0.0 | 1.85 MB | 28.3 | 2 min 5 s |
      | inflora | lda-compensated | 3 | 70.3 ± 0.6 | 80.2 ± 0.3 | 10.0 ± 0.0 | -10.0 ± 0.0 | 1.85 MB | 28.3 | 2 min 5 s |
      | joint | lda-compensated | 1 | 80.0 | 85.0 | 10.0 | -10.0 | 1.85 MB | 28.3 | 2 min 5 s |
      | frozen | lda-compensated | 1 | 60.0 | 75.0 | 10.0 | -10.0 | 1.85 MB | 28.3 | 2 min 5 s |

      Difference from lora in points, paired by seed, with its 95 % interval:

      | method | pairs | last | verdict | average | verdict |
      | :--- | ---: | ---: | :--- | ---: | :--- |
      | fm-lora | 3 | +3.0 (+2.7 to +3.4) | higher | +1.5 (+1.3 to +1.7) | higher |
      | inflora | 3 | +0.3 (-4.8 to +5.5) | tie | +0.2 (-2.4 to +2.8) | tie |
      | joint | 1 | +10.0 | one seed | +5.0 | one seed |
      | frozen | 0 | – | no common seed | – | no common seed |
      "
    `);
  });

  test("text for the terminal, another reference", () => {
    expect(
      comparisonTable(runs.slice(0, 6), { format: "text", reference: "fm-lora" }),
    ).toMatchInlineSnapshot(`
      "cifar100 B0 Inc10, vit-small-patch14, 1,000 test images

      method   readout          runs      last %   average %  forgetting  backward transfer    state  images/s       time
      lora     lda-compensated     3  70.0 ± 2.0  80.0 ± 1.0  10.0 ± 0.0        -10.0 ± 0.0  1.85 MB      28.3  2 min 5 s
      fm-lora  lda-compensated     3  73.0 ± 2.2  81.5 ± 1.1  10.0 ± 0.0        -10.0 ± 0.0  1.85 MB      28.3  2 min 5 s

      Difference from fm-lora in points, paired by seed, with its 95 % interval:

      method  pairs                 last  verdict              average  verdict
      lora        3  -3.0 (-3.4 to -2.7)  lower    -1.5 (-1.7 to -1.3)  lower
      "
    `);
  });

  test("benchmarks stay apart", () => {
    const table = comparisonTable([...runs.slice(0, 3), { ...runs[3]!, benchmark: "pacs", dataset: "pacs" }]);
    expect(table.match(/^\*\*.*\*\*$/gm)).toEqual([
      "**cifar100 B0 Inc10, vit-small-patch14, 1,000 test images**",
      "**pacs, vit-small-patch14, 1,000 test images**",
    ]);
    expect(table).not.toContain("Difference");
  });

  test("runs measured on validation images, or on fewer of them, are not compared with the others", () => {
    const validation = { ...runs[3]!, evaluatedOn: "validation" as const };
    expect(comparisonTable([...runs.slice(0, 3), validation])).not.toContain("Difference");
    const fewer = { ...runs[3]!, testImages: [10, 10] };
    expect(comparisonTable([...runs.slice(0, 3), fewer])).not.toContain("Difference");
  });

  test("a run of one task has no average to compare", () => {
    const [first] = runs;
    const joint = { ...first!, method: "joint", testImages: [1000] };
    const rows = comparisonTable([first!, joint])
      .split("\n")
      .filter((line) => line.startsWith("| joint"));
    expect(rows[0]!.split(" | ").slice(4, 6)).toEqual(["–", "–"]);
    expect(rows[1]).toMatch(/\| – \| other tasks \|$/);
  });

  test("the same seed twice needs labels", () => {
    const twice = [runWith("lora", 1, 0.7), { ...runWith("lora", 1, 0.75), readout: "ncm" }];
    expect(() => comparisonTable(twice)).toThrow("two runs of lora have seed 1 and order seed 1993");
    const table = comparisonTable(twice, { label: (run) => `${run.method}/${run.readout}` });
    expect(table).toContain("| lora/ncm | 1 | +5.0 | one seed | +2.5 | one seed |");
  });

  test("refuses no runs and an unknown reference", () => {
    expect(() => comparisonTable([])).toThrow("comparison: no runs");
    expect(() => comparisonTable(runs, { reference: "lroa" })).toThrow(
      "no run of the reference lroa; there are lora, fm-lora, inflora, joint, frozen",
    );
  });
});
