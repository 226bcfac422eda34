/** @file All commands as the list of them shows them. What a command needs is loaded when it is called, and not before. */
import type { Command } from "@commander-js/extra-typings";
import type { Registries } from "./plugins.ts";

/** A command before it is loaded. */
export interface ListedCommand {
  readonly name: string;
  /** Its arguments, as "<folder>"; a test holds them together with the command's own. */
  readonly usage: readonly string[];
  readonly description: string;
  /** All of it but the description. */
  load(registries: Registries): Promise<Command>;
}

/** A command's own options are in its type; a list of commands has none of them. */
const any = (command: unknown): Command => command as Command;

/** In the order of the list. */
export const COMMANDS: readonly ListedCommand[] = [
  {
    name: "run",
    usage: ["<benchmark>"],
    description: "train and evaluate a method on a stream of tasks",
    load: async (registries) => any((await import("./run.ts")).runCommand(await registries.all())),
  },
  {
    name: "tune",
    usage: ["<benchmark>"],
    description: "choose a method's settings on held-out training images of the first tasks",
    load: async () => any((await import("./tune.ts")).tuneCommand()),
  },
  {
    name: "grid",
    usage: ["<table>"],
    description: "run every combination of a file's settings: methods, seeds, benchmarks",
    load: async () => any((await import("./grid.ts")).gridCommand()),
  },
  {
    name: "worker",
    usage: [],
    description: "run cells from a queue, each in a process of its own",
    load: async () => any((await import("./worker.ts")).workerCommand()),
  },
  {
    name: "compare",
    usage: ["<runs...>"],
    description: "compare finished runs: means over seeds, and differences paired by seed",
    load: async () => any((await import("./compare.ts")).compareCommand()),
  },
  {
    name: "diagnose",
    usage: ["<runs...>"],
    description: "say where finished runs lose points: passes over all their images again, for research",
    load: async (registries) => any((await import("./diagnose.ts")).diagnoseCommand(await registries.all())),
  },
  {
    name: "learn",
    usage: ["<folder>"],
    description: "learn the classes of a folder of images, into a new model or one that is there",
    load: async (registries) => any((await import("./learn.ts")).learnCommand(await registries.models())),
  },
  {
    name: "predict",
    usage: ["<files...>"],
    description: "classify images with a model that run or learn has written",
    load: async (registries) => any((await import("./predict.ts")).predictCommand(await registries.models())),
  },
  {
    name: "export",
    usage: [],
    description: "write the model of a run for PEFT, transformers, transformers.js or any ONNX Runtime",
    load: async (registries) => any((await import("./export.ts")).exportCommand(await registries.models())),
  },
  {
    name: "serve",
    usage: [],
    description: "answer, learn and export over HTTP, for all models of a folder",
    load: async (registries) =>
      any((await import("./serve.ts")).serveCommand((await registries.models()).plugins)),
  },
  {
    name: "evaluate",
    usage: ["<folder>"],
    description: "measure a model on a folder of images, one folder a class",
    load: async (registries) =>
      any((await import("./learner.ts")).evaluateCommand(await registries.models())),
  },
  {
    name: "info",
    usage: [],
    description: "say what a model has learned, task by task, and how large it is",
    load: async (registries) => any((await import("./learner.ts")).infoCommand(await registries.models())),
  },
  {
    name: "undo",
    usage: [],
    description: "take the last learn back, from the state that was kept",
    load: async (registries) => any((await import("./learner.ts")).undoCommand(await registries.models())),
  },
  {
    name: "rename-class",
    usage: ["<old>", "<new>"],
    description: "give a class another name",
    load: async (registries) =>
      any((await import("./learner.ts")).renameClassCommand(await registries.models())),
  },
  {
    name: "remove-class",
    usage: ["<name>"],
    description:
      "take a class out of the answers; what the network learned from it stays: this is no unlearning",
    load: async (registries) =>
      any((await import("./learner.ts")).removeClassCommand(await registries.models())),
  },
  {
    name: "features",
    usage: ["<files...>"],
    description: "write the features (CLS token) that a backbone gives images, one row a file",
    load: async () => any((await import("./features.ts")).featuresCommand()),
  },
  {
    name: "pretrain",
    usage: [],
    description: "train all weights of a ViT on labeled images: from nothing, a checkpoint or a teacher",
    load: async () => any((await import("./pretrain.ts")).pretrainCommand()),
  },
  {
    name: "methods",
    usage: ["[method]"],
    description: "list the methods and their options",
    load: async (registries) => any((await import("./methods.ts")).methodsCommand(await registries.all())),
  },
  {
    name: "data",
    usage: [],
    description: "list the benchmarks and what they need",
    load: async (registries) => any((await import("./data.ts")).dataCommand(await registries.all())),
  },
  {
    name: "backbones",
    usage: [],
    description: "list the backbones that are here, or fetch one of the Hugging Face Hub",
    load: async () => any((await import("./backbones.ts")).backbonesCommand()),
  },
  {
    name: "bench",
    usage: [],
    description: "measure training, features and prediction with a backbone on this machine",
    load: async () => any((await import("./bench.ts")).benchCommand()),
  },
];
