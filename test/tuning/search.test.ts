import { describe, expect, test } from "vitest";
import { METHODS } from "../../src/methods/index.ts";
import { rangeText } from "../../src/methods/ranges.ts";
import { searchSpace, trialValues } from "../../src/tuning/search.ts";
import { bestTrial, parseSettings, type Trial } from "../../src/tuning/settings-file.ts";

const method = (name: string) => METHODS.find((each) => each.name === name)!;

describe("ranges of the methods", () => {
  const searched = METHODS.filter(({ traits }) => traits.trains !== "never");

  test("all that train have some, few enough for a handful of trials; others have none", () => {
    const counts = METHODS.map(({ name, ranges, traits }) => [
      name,
      traits.trains,
      Object.keys(ranges ?? {}).length,
    ]);
    expect(counts.filter(([, trains, count]) => (trains === "never" ? count !== 0 : count === 0))).toEqual(
      [],
    );
    expect(counts.filter(([, , count]) => Number(count) > 3)).toEqual([]);
  });

  test.each(searched.map((each) => [each.name, each] as const))(
    "%s: an option's own value lies inside its range, and both ends are values of it",
    (_, { options, ranges = {} }) => {
      const standard = options.parse({}) as Readonly<Record<string, unknown>>;
      for (const [name, range] of Object.entries(ranges)) {
        expect(Object.keys(options.shape)).toContain(name);
        const values = range!.kind === "one of" ? range!.values : [range!.low, range!.high];
        for (const value of values) expect(() => options.parse({ [name]: value })).not.toThrow();
        if (range!.kind === "one of") expect(range!.values).toContain(standard[name]);
        else {
          expect(range!.low).toBeLessThan(Number(standard[name]));
          expect(range!.high).toBeGreaterThan(Number(standard[name]));
        }
      }
    },
  );
});

describe("trials", () => {
  const space = searchSpace(method("fm-lora"));

  test("the first are the method's own values, the others depend on seed and place alone", () => {
    const three = trialValues(space, 3, 1);
    expect(three[0]).toEqual({ firstBasesRate: 2e-3, basesRate: 4e-4, coreRate: 1e-2 });
    expect(trialValues(space, 8, 1).slice(0, 3)).toEqual(three);
    expect(trialValues(space, 3, 2)[1]).not.toEqual(three[1]);
    expect(three[1]).not.toEqual(three[2]);
  });

  test("an option that is given leaves the draws of the others as they are", () => {
    const fewer = searchSpace(method("fm-lora"), ["basesRate", "rank"]);
    const { basesRate: _, ...rest } = trialValues(space, 2, 1)[1]!;
    expect(trialValues(fewer, 2, 1)[1]).toEqual(rest);
  });

  test("are uniform in the logarithm, over the whole range and not beyond", () => {
    const rates = trialValues(searchSpace(method("linear-probe")), 2001, 5)
      .slice(1)
      .map(({ headRate }) => Number(headRate));
    const logs = rates.map((rate) => Math.log(rate / 1e-3) / Math.log(25));
    expect(Math.min(...logs)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...logs)).toBeLessThanOrEqual(1);
    for (const quarter of [0, 1, 2, 3]) {
      const share = logs.filter((log) => Math.min(3, Math.floor(4 * log)) === quarter).length / logs.length;
      // Three standard deviations of a share of 2,000 draws.
      expect(Math.abs(share - 0.25)).toBeLessThan(3 * Math.sqrt((0.25 * 0.75) / 2000));
    }
  });

  test("a choice is one of its values, and a linear range is not logarithmic", () => {
    const mixed = {
      ranges: { a: { kind: "one of", values: [1, "x", true] }, b: { kind: "uniform", low: 0, high: 1 } },
      standard: { a: 1, b: 0.5 },
    } as const;
    const drawn = trialValues(mixed, 400, 3).slice(1);
    expect(new Set(drawn.map(({ a }) => a))).toEqual(new Set([1, "x", true]));
    expect(drawn.filter(({ b }) => Number(b) < 0.5).length / drawn.length).toBeCloseTo(0.5, 1);
    expect(Object.values(mixed.ranges).map(rangeText)).toEqual(["one of 1, x, true", "0 to 1"]);
  });

  test("nothing to search is refused", () => {
    expect(() => searchSpace(method("lda"))).toThrow("method lda: declares no ranges to search");
    expect(() => searchSpace(method("linear-probe"), ["headRate"])).toThrow(
      "all that could be searched is given (`headRate`); leave some out",
    );
  });
});

describe("the file", () => {
  const trial = (cell: string, lastAccuracy: number | null, averageAccuracy = lastAccuracy): Trial => ({
    cell,
    settings: {},
    lastAccuracy,
    averageAccuracy,
    seconds: 1,
  });

  test("the best trial has the highest last accuracy, then average, then comes first; failed ones are none", () => {
    const trials = [trial("a", null), trial("b", 0.5), trial("c", 0.7), trial("d", 0.7)];
    expect(bestTrial(trials)?.cell).toBe("c");
    expect(bestTrial([...trials, trial("e", 0.7, 0.8), trial("f", 0.6, 0.9)])?.cell).toBe("e");
    expect(bestTrial([trial("a", null)])).toBeUndefined();
  });

  test("one written by hand needs settings alone", () => {
    expect(parseSettings('{"settings": {"epochs": 3, "sites": ["query"]}}', "s.json").settings).toEqual({
      epochs: 3,
      sites: ["query"],
    });
    expect(() => parseSettings("{", "s.json")).toThrow("s.json: cannot be read as JSON");
    expect(() => parseSettings('{"epochs": 3}', "s.json")).toThrow(
      "s.json: not a file of settings: settings:",
    );
    expect(() => parseSettings('{"settings": {"epochs": null}}', "s.json")).toThrow("settings.epochs:");
  });
});
