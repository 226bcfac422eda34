import { describe, expect, test } from "vitest";
import * as z from "zod";
import { HEADS } from "../../src/heads/index.ts";
import { METHODS } from "../../src/methods/index.ts";
import { type Benchmark, defineBenchmark } from "../../src/run/benchmark.ts";
import { suggestion } from "../../src/run/names.ts";
import type { Plugin } from "../../src/run/plugin.ts";
import { byName, chosen, type Registry, withPlugins } from "../../src/run/registry.ts";
import { InputError } from "../../src/tensor/errors.ts";
import { toyDataset } from "../data/toy-dataset.ts";

const [ours] = METHODS;
const method = (name: string) => ({ ...ours!, name });
const benchmark = (name: string, options: z.ZodObject = z.object({})): Benchmark =>
  defineBenchmark({
    name,
    kind: "class-incremental",
    tasks: 2,
    summary: "toys",
    needs: "nothing",
    usesData: false,
    options,
    open: async () => toyDataset({ classes: 4, trainPerClass: 1 }),
  });
const registry: Registry = {
  methods: [method("fm-lora"), method("seq-lora"), method("lda")],
  heads: HEADS,
  benchmarks: [benchmark("imagenet-r"), benchmark("emoji")],
  plugins: [],
};
/** As a program without types may hand it in. */
const loosely = (plugin: unknown) => withPlugins(registry, [plugin as Plugin]);

describe("names", () => {
  test("are found, by kind", () => {
    expect(byName(registry, "methods", "lda")).toBe(registry.methods[2]);
    expect(byName(registry, "benchmarks", "emoji")).toBe(registry.benchmarks[1]);
  });

  test.each([
    ["fmlora", " (did you mean fm-lora?)"],
    ["FM-LoRA", " (did you mean fm-lora?)"],
    ["fm_lora", " (did you mean fm-lora?)"],
    ["sql-lora", " (did you mean seq-lora?)"],
    ["lad", ""],
    ["toy", ""],
    ["", ""],
  ])("%j is near%j", (name, said) => {
    const names = registry.methods.map((each) => each.name);
    expect(suggestion(name, names)).toBe(said);
    expect(() => byName(registry, "methods", name)).toThrow(
      new InputError(`there is no method "${name}"${said}; expected one of: fm-lora, seq-lora, lda`),
    );
  });

  test("of a run with plugins: the message says how to have them again", () => {
    expect(() => byName(registry, "benchmarks", "toys", ["./toys.js", "more-toys"])).toThrow(
      new InputError(
        'there is no benchmark "toys"; it was made with plugins: add --plugin ./toys.js --plugin more-toys',
      ),
    );
  });
});

describe("plugins", () => {
  test("come behind what is there, which stays", () => {
    const toys = { name: "toys", methods: [method("toy")], benchmarks: [benchmark("blocks")] };
    const all = withPlugins(registry, [toys, { benchmarks: [benchmark("dolls")] }]);
    expect(all.methods).toEqual([...registry.methods, ...toys.methods]);
    expect(all.benchmarks.map(({ name }) => name)).toEqual(["imagenet-r", "emoji", "blocks", "dolls"]);
    expect(all.plugins).toEqual(["toys"]);
    expect([registry.methods.length, registry.benchmarks.length]).toEqual([3, 2]);
    expect(withPlugins(registry, [])).toBe(registry);
  });

  test("have no name that is there already, not even among themselves", () => {
    const taken = (...plugins: Plugin[]) => expect(() => withPlugins(registry, plugins));
    taken({ name: "toys", methods: [method("lda")] }).toThrow(
      new InputError('plugin toys: there is a method "lda" already; give this one another name'),
    );
    const blocks = { benchmarks: [benchmark("blocks")] };
    taken(blocks, blocks).toThrow(/^plugin without a name: there is a benchmark "blocks" already/);
    taken({ benchmarks: [benchmark("lda")], methods: [method("emoji")] }).not.toThrow(); // of another kind
  });

  test("keep what classes have in their prototypes", () => {
    class Toys {
      readonly #benchmark = benchmark("blocks");
      get benchmarks() {
        return [this.#benchmark];
      }
    }
    class Mine {
      readonly name = "mine";
      get benchmarks() {
        return new Toys().benchmarks;
      }
    }
    expect(withPlugins(registry, [new Mine()]).benchmarks.at(-1)?.name).toBe("blocks");
  });

  const described = z.number().default(1).describe("one");
  test.each<[string, unknown, string]>([
    ["no object", 3, "plugin without a name: expected an object"],
    ["nothing", {}, "plugin without a name: adds nothing; expected methods or heads or benchmarks"],
    [
      "another part",
      { name: "toys", method: [] },
      'plugin toys: has "method"; expected name, methods, heads, benchmarks',
    ],
    ["no list", { methods: method("toy") }, "plugin without a name: methods: expected a list of methods"],
    [
      "no method",
      { methods: [undefined] },
      "plugin without a name: methods[0]: expected what defineMethod returns",
    ],
    [
      "a head without its needs",
      { heads: [{ ...HEADS[0]!, name: "toy", needs: ["images"] }] },
      "plugin without a name: heads[0].needs[0]: expected one of: means, scatter, own classifier",
    ],
    [
      "several faults",
      { methods: [{ ...method("toy"), create: undefined, summary: "" }] },
      "plugin without a name: methods[0].summary: expected a text that isn't empty; methods[0].create: expected a function",
    ],
    [
      "a name that is no word",
      { methods: [method("My method")] },
      'plugin without a name: methods[0].name: expected small letters, digits and dashes, as "my-name"',
    ],
    [
      "options that are no schema",
      { benchmarks: [benchmark("a"), { ...benchmark("b"), options: {} }] },
      "plugin without a name: benchmarks[1].options: expected a z.object of zod 4",
    ],
    [
      "an option without a description",
      { benchmarks: [benchmark("a", z.object({ size: z.number().default(1) }))] },
      'plugin without a name: benchmarks[0].options: "size": has no description; add .describe("...")',
    ],
    [
      "an option that every run has",
      { benchmarks: [benchmark("a", z.object({ firstEpochs: described, out: described }))] },
      'plugin without a name: benchmarks[0].options: "firstEpochs": every run has --first-epochs already; rename it; benchmarks[0].options: "out": every run has --out already; rename it',
    ],
    [
      "an option that can't be a flag",
      { benchmarks: [benchmark("a", z.object({ "my size": described }))] },
      'plugin without a name: benchmarks[0].options: "my size": expected a name in camelCase',
    ],
    [
      "an option of a type that can't be typed",
      { benchmarks: [benchmark("a", z.object({ day: z.date().describe("when") }))] },
      "plugin without a name: benchmarks[0].options: can't become flags (Date cannot be represented in JSON Schema); use numbers, texts, booleans, enums and lists",
    ],
  ])("with %s are refused", (_, plugin, message) => {
    expect(() => loosely(plugin)).toThrow(new InputError(message));
  });
});

describe("what a program hands in itself", () => {
  test("is taken as it is, or looked up by name", () => {
    const toy = method("toy");
    expect(chosen(registry, "methods", toy)).toBe(toy);
    expect(chosen(registry, "methods", registry.methods[0]!)).toBe(registry.methods[0]);
    expect(chosen(registry, "methods", "lda")).toBe(registry.methods[2]);
  });

  test("is no other one's namesake, and of its shape", () => {
    expect(() => chosen(registry, "methods", method("lda"))).toThrow(/there is a method "lda" already/);
    expect(() => chosen(registry, "benchmarks", { ...benchmark("toy"), tasks: 0 })).toThrow(
      /benchmarks\[0\]\.tasks: expected a number above 0$/,
    );
  });
});
