/** @file What a package or file may add to the registry, and whether it is what it should be. */
import * as z from "zod";
import type { AnyHead } from "../heads/index.ts";
import type { AnyMethod } from "../methods/index.ts";
import { InputError, optionText } from "../tensor/errors.ts";
import type { Benchmark } from "./benchmark.ts";
import { propertiesOf } from "./checked.ts";
import { runOptionsSchema } from "./options.ts";

/** Methods, heads and benchmarks from outside: the default export of a module that `--plugin` names. */
export interface Plugin {
  /** What to pass to `--plugin` to have it again; the command line fills in what was passed. */
  readonly name?: string | undefined;
  readonly methods?: readonly AnyMethod[] | undefined;
  readonly heads?: readonly AnyHead[] | undefined;
  readonly benchmarks?: readonly Benchmark[] | undefined;
}

/** Flags of `fmlora run` that are no options of a run. */
const OWN_FLAGS = [
  "method",
  "out",
  "resume",
  "profile",
  "json",
  "plugin",
  "settings",
  "log",
  "debug",
  "help",
];

const text = z.string("expected a text").min(1, "expected a text that isn't empty");
const named = {
  name: text.regex(
    /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
    'expected small letters, digits and dashes, as "my-name"',
  ),
  summary: text,
  options: z
    .custom<z.ZodObject>((value) => value instanceof z.ZodObject, "expected a z.object of zod 4")
    .superRefine((options, { addIssue }) => {
      for (const fault of optionFaults(options)) addIssue(fault);
    }),
};
const work = z.custom((value) => typeof value === "function", "expected a function");
const oneOf = <const Names extends readonly string[]>(names: Names) =>
  z.enum(names, `expected one of: ${names.join(", ")}`);

const method = z
  .looseObject(
    {
      ...named,
      source: text,
      traits: z.looseObject(
        {
          protocol: oneOf(["continual", "joint"]),
          grows: z.array(oneOf(["classes", "tasks", "classes by tasks"]), "expected a list"),
          trains: oneOf(["never", "first task", "every task"]),
          heads: z.union([z.literal("any"), z.array(text)], 'expected "any" or a list of heads'),
          ownClassifier: z.boolean("expected true or false"),
        },
        "expected the traits of a method",
      ),
      defaults: z.looseObject(
        {
          heads: z.array(text, "expected a list of heads").min(1, "expected a head"),
          drift: text,
          domains: z.record(z.string(), z.unknown(), "expected options with their values").optional(),
        },
        "expected the heads and the drift map that it takes unless told otherwise",
      ),
      create: work,
    },
    "expected what defineMethod returns",
  )
  .superRefine(({ options, defaults: { domains = {} } }, { addIssue }) => {
    const { error } = z.strictObject(options.shape).safeParse(domains);
    for (const { path, message } of error?.issues ?? [])
      addIssue({ code: "custom", path: ["defaults", "domains", ...path], message });
  });
const head = z.looseObject(
  {
    ...named,
    source: text,
    needs: z.array(oneOf(["means", "scatter", "own classifier"]), "expected a list"),
    followsDrift: z.boolean("expected true or false"),
    create: work,
  },
  "expected what defineHead returns",
);
const benchmark = z.looseObject(
  {
    ...named,
    kind: oneOf(["class-incremental", "domain-incremental"]),
    tasks: z.number("expected a number").int("expected a whole number").positive("expected a number above 0"),
    needs: text,
    source: z.looseObject({ license: text }, "expected what defineBenchmark makes of it"),
    usesData: z.boolean("expected true or false"),
    open: work,
  },
  "expected what defineBenchmark returns",
);
const shape = z.strictObject(
  {
    name: text.optional(),
    methods: z.array(method, "expected a list of methods").optional(),
    heads: z.array(head, "expected a list of heads").optional(),
    benchmarks: z.array(benchmark, "expected a list of benchmarks").optional(),
  },
  { error: ({ code }) => (code === "unrecognized_keys" ? undefined : "expected an object") },
);

/**
 * The value as a plugin.
 * @param name how messages call it
 * @throws InputError that names every fault of its shape: where, and what was expected
 */
export function checkedPlugin(value: unknown, name: string): Plugin {
  const result = shape.safeParse(value);
  if (!result.success) {
    throw new InputError(`plugin ${name}: ${result.error.issues.map(faultText).join("; ")}`);
  }
  const plugin = value as Plugin; // the value itself: zod's copy lacks what classes keep in their prototypes
  if ([plugin.methods, plugin.heads, plugin.benchmarks].some((part) => part !== undefined)) return plugin;
  throw new InputError(`plugin ${name}: adds nothing; expected ${PARTS}`);
}

const PARTS = Object.keys(shape.shape)
  .filter((key) => key !== "name")
  .join(" or ");

/** "benchmarks[0].open: expected a function" */
function faultText(issue: z.core.$ZodIssue): string {
  const where = issue.path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "");
  const what =
    issue.code === "unrecognized_keys"
      ? `has ${issue.keys.map((key) => `"${key}"`).join(", ")}; expected ${Object.keys(shape.shape).join(", ")}`
      : issue.message;
  return where === "" ? what : `${where}: ${what}`;
}

/** What keeps options from being flags. */
function optionFaults(options: z.ZodObject): string[] {
  let properties: ReturnType<typeof propertiesOf>;
  try {
    properties = propertiesOf(options);
  } catch (error) {
    return [
      `can't become flags (${(error as Error).message}); use numbers, texts, booleans, enums and lists`,
    ];
  }
  const taken = [...Object.keys(runOptionsSchema.shape), ...OWN_FLAGS];
  return Object.entries(properties).flatMap(([name, { description }]) => [
    ...(/^[a-z][A-Za-z0-9]*$/.test(name) ? [] : [`"${name}": expected a name in camelCase`]),
    ...(taken.includes(name) ? [`"${name}": every run has ${optionText(name)} already; rename it`] : []),
    ...(description === undefined ? [`"${name}": has no description; add .describe("...")`] : []),
  ]);
}
