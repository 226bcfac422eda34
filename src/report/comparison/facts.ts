/** @file What runs must share to be compared: data, backbone, evaluation; and what else they should share. */
import type { RunMetrics } from "../../metrics/run-metrics.ts";
import { count } from "../format.ts";
import { benchmarkText } from "../summary.ts";
import type { ComparedRun } from "./run.ts";

type Kind = "data" | "backbone" | "evaluation";

/** One thing that two runs can differ in. */
interface Fact {
  readonly kind: Kind;
  /** Undefined where the run's files do not tell. */
  readonly value: string | undefined;
  /** The value as a reader sees it. */
  readonly text: string;
}

/** Facts by name. */
type Facts = Readonly<Record<string, Fact>>;

/** Where runs differ: "backbone: vit-tiny-patch8-64; my-vit". */
export interface FactDifference {
  readonly name: string;
  readonly kind: Kind;
  readonly texts: readonly string[];
}

const DIGEST = 12;

function factsOf({ metrics, config = {} }: ComparedRun): Facts {
  const identity = (config.identity ?? {}) as Readonly<Record<string, unknown>>;
  const ofConfig = (kind: Kind, name: string, absent?: string): Fact => {
    const value = config[name] ?? (Object.keys(config).length > 0 ? absent : undefined);
    return { kind, value: value === undefined ? undefined : String(value), text: String(value) };
  };
  const digest = (kind: Kind, value: unknown): Fact => ({
    kind,
    value: typeof value === "string" ? value : undefined,
    text: `SHA-256 ${String(value).slice(0, DIGEST)}`,
  });
  const own = (kind: Kind, value: string): Fact => ({ kind, value, text: value });
  return {
    benchmark: own("data", benchmarkText(metrics)),
    images: digest("data", identity.data),
    "training images a class": ofConfig("data", "limitPerClass", "all"),
    "test images a class": ofConfig("data", "testLimitPerClass", "all"),
    "validation images a class": ofConfig("data", "validationPerClass", "none"),
    backbone: own("backbone", metrics.backbone),
    weights: digest("backbone", identity.weights),
    "image side": ofConfig("backbone", "imageSize"),
    "images measured on": own("evaluation", evaluationText(metrics)),
  };
}

/** "5,000 test images" */
export function evaluationText({ testImages, evaluatedOn }: RunMetrics): string {
  return `${count(testImages.reduce((sum, images) => sum + images, 0))} ${evaluatedOn} images`;
}

/** Where runs differ that a comparison should not mix. What some of them do not tell is no difference. */
export function factDifferences(runs: readonly ComparedRun[]): FactDifference[] {
  const all = runs.map(factsOf);
  // Weights are what they are, wherever they lie.
  const sameWeights = all.every(({ weights }) => weights!.value !== undefined);
  const names = Object.keys(all[0] ?? {}).filter((name) => !(sameWeights && name === "backbone"));
  return names.flatMap((name) => {
    const known = all.map((facts) => facts[name]!).filter(({ value }) => value !== undefined);
    const texts = new Map(known.map(({ value, text }) => [value, text]));
    return texts.size < 2 ? [] : [{ name, kind: known[0]!.kind, texts: [...texts.values()] }];
  });
}

/** Runs that share what they must, in the order in which they first come. */
export function comparable(runs: readonly ComparedRun[]): ComparedRun[][] {
  const groups: { readonly runs: ComparedRun[]; readonly known: Map<string, string> }[] = [];
  for (const run of runs) {
    const facts = Object.entries(factsOf(run));
    const fits = ({ known }: (typeof groups)[number]): boolean => {
      const sameWeights = known.has("weights") && known.get("weights") === factValue(facts, "weights");
      return facts.every(([name, { value }]) => {
        const other = known.get(name);
        return (
          value === undefined ||
          other === undefined ||
          other === value ||
          (sameWeights && name === "backbone")
        );
      });
    };
    let group = groups.find(fits);
    if (group === undefined) {
      group = { runs: [], known: new Map() };
      groups.push(group);
    }
    group.runs.push(run);
    for (const [name, { value }] of facts) if (value !== undefined) group.known.set(name, value);
  }
  return groups.map((group) => group.runs);
}

const factValue = (facts: readonly (readonly [string, Fact])[], name: string): string | undefined =>
  facts.find(([each]) => each === name)?.[1].value;

/** What tells a run apart from others of the same name: "image side 84". "" where its files do not tell. */
export const factText = (run: ComparedRun, name: string): string => {
  const { value, text } = factsOf(run)[name]!;
  return value === undefined ? "" : `${name} ${text}`;
};

/** "backbone: vit-tiny-patch8-64; my-vit" */
export const differenceText = ({ name, texts }: FactDifference): string => `${name}: ${texts.join("; ")}`;

/** Options of a run, not of its method, that change what training costs and gives. */
const TRAINING = [
  ...["epochs", "firstEpochs", "batchSize", "optimizer", "schedule", "weightDecay"],
  ...["views", "precision", "float32Parts", "features"],
];
const MOST_LABELS = 3;

/** Training options in which runs that train differ: "epochs 2 (fm-lora) and 4 (seq-lora)". */
export function trainingDifferences(
  runs: readonly ComparedRun[],
  label: (run: ComparedRun) => string,
): string[] {
  const trained = runs.filter((run) => run.config !== undefined && !isFrozen(run.metrics));
  return TRAINING.flatMap((name) => {
    const labels = new Map<string, Set<string>>();
    for (const run of trained) {
      const value = trainingText(name, run);
      if (value !== undefined) labels.set(value, (labels.get(value) ?? new Set()).add(label(run)));
    }
    if (labels.size < 2) return [];
    const texts = [...labels].map(([value, names]) => `${value} (${few([...names])})`);
    return [`${name} ${texts.join(" and ")}`];
  });
}

/** Undefined where it says nothing: what the only task gets is called epochs of the first. */
function trainingText(name: string, { config, metrics }: ComparedRun): string | undefined {
  if (name === "firstEpochs" && metrics.testImages.length === 1) return undefined;
  const value = config![name];
  if (value === undefined) return undefined;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

const few = (labels: readonly string[]): string =>
  labels.length <= MOST_LABELS ? labels.join("; ") : `${labels.length} methods`;

/** Methods that train nothing, in files from before traits were recorded. */
const FORMER_FROZEN = ["ncm", "lda"];

/** Whether the backbone was left as it is: what every method that trains has to beat. */
export const isFrozen = ({ traits, method }: RunMetrics): boolean =>
  traits === undefined ? FORMER_FROZEN.includes(method) : traits.trains === "never";
