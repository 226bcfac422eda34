import { describe, expect, test } from "vitest";
import { summarize } from "../../src/metrics/accuracy-matrix.ts";
import type { RunMetrics } from "../../src/metrics/run-metrics.ts";
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
