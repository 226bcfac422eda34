/** @file Options in messages: the core writes them as a program does, the command line as they are typed. */
import { expect, test } from "vitest";
import { failureOf } from "../../src/cli/failures.ts";
import { asTyped } from "../../src/cli/flags.ts";
import { runProgress } from "../../src/cli/progress.ts";
import { describe as described, settingsOf } from "../../src/cli/settings.ts";
import { runOptionsSchema } from "../../src/run/options.ts";
import { InputError, optionText } from "../../src/tensor/errors.ts";

test.each<[name: string, value: unknown, written: string, typed: string]>([
  ["coreRate", undefined, "`coreRate`", "--core-rate"],
  ["seed", 0, "`seed: 0`", "--seed 0"],
  ["rate", 1e-7, "`rate: 1e-7`", "--rate 1e-7"],
  ["tasks", Number.NaN, "`tasks: NaN`", "--tasks NaN"],
  ["prompts", false, "`prompts: false`", "--no-prompts"],
  ["betweenScatter", true, "`betweenScatter: true`", "--between-scatter"],
  ["evaluateOn", "validation", '`evaluateOn: "validation"`', "--evaluate-on validation"],
  ["data", "my images", '`data: "my images"`', '--data "my images"'],
  ["data", "", '`data: ""`', '--data ""'],
  ["data", "a`b", '`data: "a\\u0060b"`', '--data "a`b"'],
  ["backbone", "org/name@main", '`backbone: "org/name@main"`', "--backbone org/name@main"],
  ["float32Parts", ["first", "last"], '`float32Parts: ["first","last"]`', "--float32-parts first,last"],
  ["blurry", [50, 12.5], "`blurry: [50,12.5]`", "--blurry 50,12.5"],
  ["split-seed", 3, "`split-seed: 3`", "--split-seed 3"],
  ["tasks", null, "`tasks: null`", "--tasks null"],
  ["tasks", { of: 3 }, '`tasks: {"of":3}`', '--tasks {"of":3}'],
])("%s %j", (name, value, written, typed) => {
  expect(optionText(name, value)).toBe(written);
  expect(asTyped(`toy: ${written} has none`)).toBe(`toy: ${typed} has none`);
});

test("several options in a line, and what only looks like one", () => {
  expect(asTyped('`evaluateOn: "validation"` needs `validationPerClass`')).toBe(
    "--evaluate-on validation needs --validation-per-class",
  );
  const others = "a` b, `My File.png`, `../x`, ``, `two words`";
  expect(asTyped(others)).toBe(others);
});

test("errors of the user, notes and descriptions are shown so; other errors stay as they are", () => {
  expect(failureOf(new InputError("choose a lower `coreRate`\nor `prompts: false`"))).toEqual({
    message: "choose a lower --core-rate or --no-prompts",
    exitCode: 2,
  });
  expect(failureOf(new Error("`x` is no function")).message).toBe("`x` is no function (--debug shows where)");
  const lines: string[] = [];
  const progress = runProgress({ update: () => {}, stop: () => {}, line: (text) => void lines.push(text) });
  progress.listen({ type: "notice", text: "many tokens (`prompts: false`: none)" });
  expect(lines).toEqual(["note: many tokens (--no-prompts: none)"]);
  const texts = settingsOf(runOptionsSchema).map(described);
  expect(texts.join("\n")).not.toContain("`");
  expect(texts).toContain("classes of each further task, instead of --tasks");
});
