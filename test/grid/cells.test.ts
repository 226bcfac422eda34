/** @file From a grid's file to its cells. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { GRID_SCHEMA, gridSchemaText } from "../../scripts/generate-docs.ts";
import { type Cell, cellAgain, type GridContext, gridOf, runWords } from "../../src/grid/cells.ts";
import { gridSchema } from "../../src/grid/table.ts";
import { benchmarks } from "../../src/node/benchmarks/index.ts";

const context: GridContext = {
  benchmarks,
  sha256: (text) => createHash("sha256").update(text).digest("hex"),
  file: "table.yaml",
};
const cellsOf = (yaml: string): readonly Cell[] => gridOf(parse(yaml), context).cells;
const labels = (yaml: string): string[] => cellsOf(yaml).map(({ label }) => label);
const refusal = (yaml: string): string => {
  try {
    return `${cellsOf(yaml).length} cells`;
  } catch (error) {
    return (error as Error).message;
  }
};

const EXAMPLE = `
benchmark: emoji
classes: 12
tasks: 2
method: [ncm, fm-lora]
seed: [1, 2]
`;

describe("cells", () => {
  test("are every combination, in the order of the file", () => {
    expect(labels(EXAMPLE)).toEqual(["ncm, seed 1", "ncm, seed 2", "fm-lora, seed 1", "fm-lora, seed 2"]);
    expect(cellsOf(EXAMPLE).map((cell) => runWords(cell).join(" "))[3]).toBe(
      "run emoji --method=fm-lora --classes=12 --tasks=2 --seed=2",
    );
  });

  test("have the hash of their resolved configuration as id: not of how the file says it", () => {
    const ids = cellsOf(EXAMPLE).map(({ id }) => id);
    expect(ids).toMatchInlineSnapshot(`
      [
        "ffe76d48e4a3",
        "4b021a149dd1",
        "74b847a941a4",
        "c3742c7da59b",
      ]
    `);
    expect(new Set(ids).size).toBe(4);
    const same = `
seed: [2, 1]
workers: 2
cache: images
epochs: 2
method: [fm-lora, ncm]
benchmark: emoji
sites: query,value
shrinkage: 0.1
test-style: fluent-emoji-flat
tasks: 2
classes: 12
`;
    expect(
      cellsOf(same)
        .map(({ id }) => id)
        .sort(),
    ).toEqual([...ids].sort());
    expect(cellsOf(`${EXAMPLE}threads: 1`).map(({ id }) => id)).not.toContain(ids[0]);
  });

  test("have the options that their method and benchmark have, and each is there once", () => {
    expect(labels(`${EXAMPLE}rank: [4, 8]`)).toEqual([
      "ncm, seed 1",
      "ncm, seed 2",
      "fm-lora, seed 1, rank 4",
      "fm-lora, seed 1, rank 8",
      "fm-lora, seed 2, rank 4",
      "fm-lora, seed 2, rank 8",
    ]);
    const groups = new Set(cellsOf(`${EXAMPLE}rank: [4, 8]`).map(({ group }) => group));
    expect([...groups]).toEqual(["ncm", "fm-lora, rank 4", "fm-lora, rank 8"]);
  });

  test("are told further, varied and left out", () => {
    const yaml = `${EXAMPLE}
variants: [{}, { prompts: false, rank: [4, 8] }]
include: [{ method: joint, seed: 7 }]
exclude: [{ method: fm-lora, seed: 2 }, { rank: 8 }]
`;
    expect(labels(yaml)).toEqual([
      "ncm, seed 1",
      "ncm, seed 2",
      "fm-lora",
      "fm-lora, prompts false, rank 4",
      "joint",
    ]);
  });

  test("of one backbone and data set lie together, so that its caches are warm", () => {
    const yaml = "seed: [1, 2]\nmethod: ncm\nbenchmark: [emoji, permuted]\n";
    expect(labels(yaml)).toEqual([
      "ncm, emoji, seed 1",
      "ncm, emoji, seed 2",
      "ncm, permuted, seed 1",
      "ncm, permuted, seed 2",
    ]);
  });

  test("a list in a list is one value, as is what a user would type", () => {
    const yaml = (sites: string): string => `benchmark: emoji\nmethod: fm-lora\nsites: ${sites}\n`;
    const [typed] = cellsOf(yaml("query,fc1"));
    const [listed, other] = cellsOf(yaml("[[query, fc1], value]"));
    expect(listed!.id).toBe(typed!.id);
    expect(runWords(listed!)).toContain("--sites=query,fc1");
    expect(other!.label).toBe("fm-lora, sites value");
  });

  test("from another machine are the same cells, or refused", () => {
    const [first, second] = cellsOf(EXAMPLE) as [Cell, Cell];
    expect(cellAgain(first, context).settings).toEqual(first.settings);
    expect(() => cellAgain({ ...first, id: second.id }, context)).toThrow(/use the same version everywhere/);
    expect(() => cellAgain({ ...first, settings: { benchmark: "emoji", data: "/etc" } }, context)).toThrow();
  });
});

const WRONG: readonly string[] = [
  "[1, 2]",
  "method: ncm",
  "benchmark: emojis",
  "benchmark: emoji\nmethod: [ncm, lora]",
  "benchmark: emoji\nepoch: 2",
  "benchmark: emoji\nfirstEpochs: 2",
  "benchmark: emoji\nno-prompts: true",
  "benchmark: emoji\nepochs: [1, 0]",
  "benchmark: emoji\nclasses: many",
  "benchmark: emoji\nmethod: fm-lora\nsites: [[query, fc9]]",
  "benchmark: emoji\nmethod: ncm\nrank: 8",
  "benchmark: emoji\nseed: []",
  "benchmark: emoji\nseed:",
  "benchmark: emoji\nseed: { from: 1 }",
  "benchmark: emoji\nlog: wandb",
  "benchmark: emoji\ninclude: { method: ncm }",
  "benchmark: emoji\nmethod: ncm\nexclude: [{ seed: 3 }]",
  "benchmark: emoji\nmethod: ncm\nseed: 3\nexclude: [{ seed: 3 }]",
];

test("what is wrong in a file is named in one line", () => {
  expect(WRONG.map(refusal)).toMatchInlineSnapshot(`
    [
      "table.yaml: expected options with their values, such as "benchmark: emoji"",
      "table.yaml: benchmark is missing; expected one of: cifar100, cub200, domainnet, domainnet-cil, emoji, emoji-styles, folder, imagenet-r, pacs, permuted",
      "table.yaml: there is no benchmark "emojis"; expected one of: cifar100, cub200, domainnet, domainnet-cil, emoji, emoji-styles, folder, imagenet-r, pacs, permuted",
      "table.yaml: there is no method "lora"; expected one of: fm-lora, seq-lora, first-task, ncm, lda, linear-probe, l2p, dualprompt, coda-prompt, inflora, sd-lora, ewc-lora, loda, e2-lora, ease, cl-lora, tuna, ssiat, sldc, slca, fine-tuning, joint",
      "table.yaml: there is no option "epoch"; docs/options.md lists them, and log, variants, include, exclude are the grid's own",
      "table.yaml: there is no option "firstEpochs"; it is written first-epochs",
      "table.yaml: there is no option "no-prompts"; it is written prompts: false",
      "table.yaml: \`epochs: 0\`: expected a whole number above 0",
      "table.yaml: benchmark emoji: \`classes: "many"\`: expected a whole number of at least 2",
      "table.yaml: method fm-lora: \`sites: ["query","fc9"]\`: expected a list, separated by commas, of: query, key, value, output, fc1, fc2",
      "table.yaml: rank is an option of no method and benchmark that is in this grid",
      "table.yaml: seed is an empty list; give a value, or leave it out",
      "table.yaml: seed has no value; expected a value, or a list of values",
      "table.yaml: seed is a mapping; expected a value, or a list of values",
      "table.yaml: log "wandb": expected one of: tensorboard, mlflow, csv",
      "table.yaml: include: expected a list of options with their values",
      "table.yaml: exclude, entry 1: no cell has all of its values",
      "table.yaml: no cell is left; exclude fewer",
    ]
  `);
});

describe("the JSON Schema", () => {
  test("is up to date; npx tsx scripts/generate-docs.ts writes it", () => {
    expect(readFileSync(GRID_SCHEMA, "utf8")).toBe(gridSchemaText());
  });

  test("takes what is right, and refuses what an editor can know to be wrong", () => {
    const published = z.fromJSONSchema(JSON.parse(gridSchemaText()));
    const right = [
      EXAMPLE,
      `${EXAMPLE}rank: [4, 8]\nlog: [csv, mlflow]\nvariants: [{ prompts: [true, false] }]\ninclude: [{ seed: 3 }]`,
      "benchmark: emoji\nblurry: 50,10\ninitial-classes: [half, 10]\nsites: [[query, value], fc1]",
    ];
    for (const schema of [published, gridSchema(benchmarks)]) {
      expect(right.map((yaml) => schema.safeParse(parse(yaml)).success)).toEqual([true, true, true]);
    }
    const wrong = WRONG.filter((yaml) => !published.safeParse(parse(yaml)).success);
    const onlyTogether = WRONG.filter((yaml) => !wrong.includes(yaml));
    expect(onlyTogether).toEqual([
      "method: ncm",
      "benchmark: emoji\nmethod: ncm\nrank: 8",
      "benchmark: emoji\nmethod: ncm\nexclude: [{ seed: 3 }]",
      "benchmark: emoji\nmethod: ncm\nseed: 3\nexclude: [{ seed: 3 }]",
    ]);
  });
});
