import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type BenchmarkResult, reached } from "../../bench/result.ts";
import {
  allTables,
  keptResults,
  PAGE,
  ratioTable,
  speedTables,
  withTable,
} from "../../scripts/bench-table.ts";

test("docs/benchmarks-speed.md says what bench/results/ say", () => {
  const page = readFileSync(PAGE, "utf8");
  expect(page).toBe(withTable(page, speedTables(keptResults())));
});

const result: BenchmarkResult = {
  title: "Title",
  what: "What.",
  command: "npm run bench -- example",
  date: "2026-01-02",
  machine: { cpu: "A", cores: 2 },
  versions: { torch: "1" },
  notes: ["A note."],
  cases: [
    {
      name: "Case",
      settings: { batch: 8 },
      sides: [
        { name: "ours", values: { "ms, best": 2, "peak MiB": 10 } },
        { name: "theirs", values: { "ms, best": 4 } },
      ],
      ratios: [
        { name: "speed", best: 2, median: 1.9, target: { atLeast: 2.3 } },
        { name: "memory", best: 0.4, target: { atMost: 0.5 } },
        { name: "aside", best: 1 },
      ],
    },
  ],
};

test("a result as tables: missing values are dashes, targets are judged by the best value", () => {
  expect(allTables([result])).toMatchInlineSnapshot(`
    "## Title

    What.

    **Case, batch 8**

    |  | ms, best | peak MiB |
    | :--- | ---: | ---: |
    | ours | 2 | 10 |
    | theirs | 4 | – |

    | ratio | best | median | target | reached |
    | :--- | ---: | ---: | ---: | ---: |
    | speed | 2 | 1.9 | at least 2.3 | no |
    | memory | 0.4 | – | at most 0.5 | yes |
    | aside | 1 | – | – | – |

    A note.

    Measured on 2026-01-02: cpu A, cores 2; torch 1. Command: \`npm run bench -- example\`."
  `);
  expect(ratioTable([result])).toMatchInlineSnapshot(`
    "|  | ratio | best | median | target | reached |
    | :--- | :--- | ---: | ---: | ---: | ---: |
    | Case | speed | 2 | 1.9 | at least 2.3 | no |"
  `);
});

test("a target is reached at its very value", () => {
  expect(reached({ name: "", best: 2.3, target: { atLeast: 2.3 } })).toBe(true);
  expect(reached({ name: "", best: 0.51, target: { atMost: 0.5 } })).toBe(false);
  expect(reached({ name: "", best: 1 })).toBeNull();
});

test("a page without markers is refused", () => {
  expect(() => withTable("# Page\n", "table")).toThrow("expected <!-- speed -->");
});
