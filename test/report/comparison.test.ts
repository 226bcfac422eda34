import { describe, expect, test } from "vitest";
import { type CompareOptions, compareRuns } from "../../src/report/comparison/compare.ts";
import type { ComparedRun } from "../../src/report/comparison/run.ts";
import { comparisonText } from "../../src/report/comparison/text.ts";
import type { TableFormat } from "../../src/report/text-table.ts";
import { changed, runs, runWith } from "./compared.ts";

const table = (
  runs: readonly ComparedRun[],
  options: CompareOptions = {},
  format: TableFormat = "markdown",
): string => comparisonText(compareRuns(runs, options), format);

describe("comparisonText", () => {
  test("groups methods, pairs seeds with a reference, calls a tie a tie, and tells what is gained over frozen LDA", () => {
    expect(table(runs, {}, "text").replaceAll(/^.*forward pass an image\n/gm, "")).toMatchInlineSnapshot(`
      "cifar100 B0 Inc10, vit-small-patch14, 1,000 test images

      method   readout  runs      last %   average %  forgetting    state  over frozen LDA  per MB  trained  passes       time
      lora     lda         3  70.0 ± 2.0  80.0 ± 1.0  10.0 ± 0.0  1.85 MB             +4.0    2.16  307,200       1  2 min 5 s
      fm-lora  lda         3  73.0 ± 2.2  81.5 ± 1.1  10.0 ± 0.0  1.85 MB             +7.0    3.80  307,200       1  2 min 5 s
      inflora  lda         3  70.3 ± 0.6  80.2 ± 0.3  10.0 ± 0.0  1.85 MB             +4.3    2.34  307,200       1  2 min 5 s
      lda      lda         3  66.0 ± 1.0  78.0 ± 0.5  10.0 ± 0.0  1.85 MB                –       –  307,200       1  2 min 5 s
      joint    lda         1        80.0        85.0        10.0  1.85 MB            +15.0    8.10  307,200       1  2 min 5 s
      slca     lda         1        60.0        75.0        10.0  1.85 MB                –       –  307,200       1  2 min 5 s

      method   trains, keeps, costs

      Difference from lora in points, paired by seed, with its 95 % interval:

      method   readout  pairs                 last  verdict                     average  verdict
      fm-lora  lda          3  +3.0 (+2.7 to +3.4)  higher          +1.5 (+1.3 to +1.7)  higher
      inflora  lda          3  +0.3 (-4.8 to +5.5)  tie             +0.2 (-2.4 to +2.8)  tie
      lda      lda          3  -4.0 (-8.3 to +0.3)  tie             -2.0 (-4.2 to +0.2)  tie
      joint    lda          1                +10.0  one seed                       +5.0  one seed
      slca     lda          0                    –  no common seed                    –  no common seed
      "
    `);
  });

  test("Markdown, another reference", () => {
    expect(table(runs.slice(0, 6), { reference: "fm-lora" })).toMatchInlineSnapshot(`
      "**cifar100 B0 Inc10, vit-small-patch14, 1,000 test images**

      No run of LDA on the frozen backbone (method lda) is among these: what training gains over it stays unseen.

      | method | readout | runs | last % | average % | forgetting | state | over frozen LDA | per MB | trained | passes | time |
      | :--- | :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
      | lora | lda | 3 | 70.0 ± 2.0 | 80.0 ± 1.0 | 10.0 ± 0.0 | 1.85 MB | – | – | 307,200 | 1 | 2 min 5 s |
      | fm-lora | lda | 3 | 73.0 ± 2.2 | 81.5 ± 1.1 | 10.0 ± 0.0 | 1.85 MB | – | – | 307,200 | 1 | 2 min 5 s |

      | method | trains, keeps, costs |
      | :--- | :--- |
      | lora | trains added values in every task; grows with classes; 1 forward pass an image |
      | fm-lora | trains added values in every task; grows with classes; 1 forward pass an image |

      Difference from fm-lora in points, paired by seed, with its 95 % interval:

      | method | readout | pairs | last | verdict | average | verdict |
      | :--- | :--- | ---: | ---: | :--- | ---: | :--- |
      | lora | lda | 3 | -3.0 (-3.4 to -2.7) | lower | -1.5 (-1.7 to -1.3) | lower |
      "
    `);
  });

  test("names cannot steer the terminal or break a Markdown table", () => {
    const evil = runWith("m|\u001b[2J\n<b>", 0, { lda: 0.7 });
    expect(table([evil], {}, "text")).not.toContain("\u001b");
    expect(table([evil])).toContain("| m\\| \\[2J \\<b\\> | lda |");
  });

  test("a run of one task has no average to compare", () => {
    const joint = changed(runWith("joint", 0, { lda: 0.8 }), { testImages: [1000] });
    const rows = table([runs[0]!, joint])
      .split("\n")
      .filter((line) => line.startsWith("| joint"));
    expect(rows[0]!.split(" | ").slice(4, 6)).toEqual(["–", "–"]);
    expect(rows[2]).toMatch(/\| – \| other tasks \|$/);
  });

  test("refuses no runs, an unknown reference and the same seed twice under one label", () => {
    expect(() => table([])).toThrow("comparison: no runs");
    expect(() => table(runs, { reference: "lroa" })).toThrow(
      "no run of the reference lroa; there are lora, fm-lora, inflora, lda, joint, slca",
    );
    const twice = [runWith("lora", 1, { lda: 0.7 }), runWith("lora", 1, { lda: 0.75 })];
    expect(() => table(twice)).toThrow("two runs of lora have seed 1 and order seed 1993");
    expect(table([twice[0]!, { ...twice[1]!, label: "again" }])).toContain(
      "| again | lda | 1 | +5.0 | one seed | +2.5 | one seed |",
    );
  });
});

describe("readouts", () => {
  const both = (method: string, last: Readonly<Record<string, number>>): ComparedRun[] =>
    [0, 1].map((seed) => runWith(method, seed, last));
  const sides = (all: readonly ComparedRun[], options: CompareOptions = {}): string[] =>
    compareRuns(all, options).tables[0]!.differences.map(
      ({ row, against, last }) =>
        `${row.label} ${row.readout} - ${against.readout}${typeof last === "string" ? `: ${last}` : ""}`,
    );

  test("both sides of a difference have the same one", () => {
    const fm = both("fm-lora", { lda: 0.75, rows: 0.6 });
    const seq = both("seq-lora", { rows: 0.62, lda: 0.74 });
    const ease = both("ease", { rows: 0.7 });
    expect(sides([...fm, ...seq, ...ease])).toEqual([
      "seq-lora rows - rows",
      "seq-lora lda - lda",
      "ease rows - rows",
    ]);
    // The side that is compared with is in the table, too.
    expect(
      compareRuns([...fm, ...seq]).tables[0]!.rows.map(({ label, readout }) => `${label} ${readout}`),
    ).toEqual(["fm-lora lda", "fm-lora rows", "seq-lora rows", "seq-lora lda"]);
    expect(sides([...ease, ...fm])).toEqual(["fm-lora lda - rows: other readout", "fm-lora rows - rows"]);
  });

  test("one that was asked for is compared with the reference as it is", () => {
    const fm = both("fm-lora", { lda: 0.75, rows: 0.6 });
    const asked = both("fm-lora", { lda: 0.75, rows: 0.6 }).map((run) => ({
      ...run,
      label: "fm-lora/rows",
      readout: "rows",
    }));
    expect(sides([...fm, ...asked])).toEqual(["fm-lora/rows rows - lda"]);
    expect(table([...fm, ...asked])).toContain("| fm-lora/rows | rows − lda | 2 |");
  });

  test("one for all leaves frozen backbones their own, and is refused where a method lacks it", () => {
    const seq = both("seq-lora", { rows: 0.62, lda: 0.74 });
    const frozen = both("ncm", { ncm: 0.5, lda: 0.6 });
    expect(sides([...seq, ...frozen], { readout: "rows" })).toEqual(["ncm ncm - rows: other readout"]);
    expect(() => compareRuns(seq, { readout: "ncm" })).toThrow(
      'seq-lora has no head "ncm"; it has: rows, lda',
    );
  });

  test("the frozen backbone is also seen under LDA, once", () => {
    const rowsOf = (all: readonly ComparedRun[]): string[] =>
      compareRuns(all).tables[0]!.rows.map(({ label, readout }) => `${label} ${readout}`);
    const rows = both("seq-lora", { rows: 0.62 });
    const [ncm, lda] = [both("ncm", { ncm: 0.5, lda: 0.6 }), both("lda", { lda: 0.6, ncm: 0.5 })];
    expect(rowsOf([...rows, ...ncm])).toEqual(["seq-lora rows", "ncm ncm", "ncm lda"]);
    expect(rowsOf([...rows, ...ncm, ...lda])).toEqual(["seq-lora rows", "ncm ncm", "lda lda"]);
    expect(table([...rows, ...ncm])).not.toContain("No run of LDA");
    expect(table(rows)).toContain("No run of LDA on the frozen backbone");
  });

  test("differences that are the same for every seed decide nothing", () => {
    const same = [...both("seq-lora", { lda: 0.7 }), ...both("lda", { lda: 0.6 })];
    expect(compareRuns(same).tables[0]!.differences[0]!.last).toMatchObject({ verdict: "no spread" });
  });
});

describe("what must not be mixed", () => {
  const CONFIG = { limitPerClass: 60, imageSize: 84, epochs: 2, identity: { data: "d1", weights: "w1" } };
  const [one, other] = [runWith("lora", 1, { lda: 0.7 }), runWith("fm-lora", 1, { lda: 0.75 })];
  const configured = (run: ComparedRun, config: object): ComparedRun => ({
    ...run,
    config: { ...CONFIG, ...config },
  });
  const differing: [what: string, run: ComparedRun, told: string][] = [
    [
      "benchmarks",
      changed(other, { benchmark: "pacs", dataset: "pacs" }),
      "benchmark: cifar100 B0 Inc10; pacs",
    ],
    ["backbones", changed(other, { backbone: "vit-tiny" }), "backbone: vit-small-patch14; vit-tiny"],
    [
      "images that were measured on",
      changed(other, { evaluatedOn: "validation" }),
      "images measured on: 1,000 test images; 1,000 validation images",
    ],
    ["numbers of images", changed(other, { testImages: [10, 10] }), "1,000 test images; 20 test images"],
    ["training images", configured(other, { limitPerClass: 20 }), "training images a class: 60; 20"],
    ["image sides", configured(other, { imageSize: 64 }), "image side: 84; 64"],
    [
      "data",
      configured(other, { identity: { data: "d2", weights: "w1" } }),
      "images: SHA-256 d1; SHA-256 d2",
    ],
    [
      "weights",
      configured(other, { identity: { data: "d1", weights: "w2" } }),
      "weights: SHA-256 w1; SHA-256 w2",
    ],
  ];

  test.each(differing)("%s stay apart unless told", (_, run, told) => {
    const apart = compareRuns([configured(one, {}), run]);
    expect(apart.tables.length).toBe(2);
    expect(apart.tables.flatMap(({ differences }) => differences)).toEqual([]);
    expect(new Set(apart.tables.map(({ setting }) => setting)).size).toBe(2);
    expect(apart.apart.join()).toContain(told);
    const mixed = compareRuns([configured(one, {}), run], { mixed: true });
    expect(mixed.tables.length).toBe(1);
    expect(mixed.tables[0]!.differences.length).toBe(1);
    expect(mixed.tables[0]!.notes[0]).toContain(told);
  });

  test("the same weights elsewhere, and files that do not tell, are no difference", () => {
    const moved = configured(changed(other, { backbone: "/elsewhere/vit" }), {});
    expect(compareRuns([configured(one, {}), moved]).tables.length).toBe(1);
    expect(compareRuns([configured(one, {}), other]).tables.length).toBe(1);
  });

  test("other epochs are told, but not of what trains nothing", () => {
    const longer = configured(other, { epochs: 4 });
    expect(table([configured(one, {}), longer])).toContain(
      "Trained differently: epochs 2 (lora) and 4 (fm-lora).",
    );
    const frozen = configured(runWith("lda", 1, { lda: 0.6 }), { epochs: 4 });
    expect(table([configured(one, {}), frozen])).not.toContain("Trained differently");
  });
});
