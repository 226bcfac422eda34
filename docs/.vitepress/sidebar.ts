/** @file What stands beside every page of the site, in the order in which one may want it. */
import type { DefaultTheme } from "vitepress";

type Group = readonly (readonly [text: string, link: string])[];

const group = (text: string, items: Group): DefaultTheme.SidebarItem => ({
  text,
  items: items.map(([text, link]) => ({ text, link })),
});

/** One sidebar for all pages. */
export const SIDEBAR: DefaultTheme.SidebarItem[] = [
  group("Start", [
    ["What it is", "/"],
    ["Installing", "/install"],
    ["A classifier that keeps learning", "/tutorials/keeps-learning"],
    ["Compare a method honestly", "/tutorials/compare-honestly"],
    ["Which backbone", "/which-backbone"],
  ]),
  group("Guides", [
    ["A learner", "/learner"],
    ["In a browser", "/browser"],
    ["A server", "/server"],
    ["Models for other programs", "/export"],
    ["The report of a run", "/report"],
    ["Grids, queues, trackers", "/grids"],
    ["Choosing settings", "/tuning"],
    ["A backbone of your own", "/pretraining"],
  ]),
  group("How it works", [
    ["FM-LoRA and its equations", "/method"],
    ["All methods", "/methods"],
    ["Heads and drift maps", "/heads"],
  ]),
  group("Extend", [
    ["Plugins", "/plugins"],
    ["A method", "/contributing#add-a-method"],
    ["A head", "/contributing#add-a-head"],
    ["A benchmark", "/contributing#add-a-benchmark"],
    ["An operator", "/contributing#add-an-operator"],
    ["How the code is laid out", "/contributing"],
  ]),
  group("Reference", [
    ["Options", "/options"],
    ["API", "/api/"],
    ["Files", "/files"],
    ["Metrics", "/metrics"],
    ["Benchmarks", "/benchmarks"],
    ["Backbones", "/backbones"],
    ["Precision", "/precision"],
    ["Security and privacy", "/security"],
    ["Changes", "/changelog"],
  ]),
  group("Results", [
    ["What is measured, and planned", "/evidence"],
    ["CIFAR-100, the field", "/results/cifar100-weak"],
    ["CIFAR-100, twenty tasks", "/results/cifar100-weak-20"],
    ["The same, validation", "/results/cifar100-weak-20-validation"],
    ["Fifty tasks, validation", "/results/cifar100-weak-50-validation"],
    ["CIFAR-100", "/results/cifar100"],
    ["CIFAR-100 in 8 bits", "/results/cifar100-int8"],
    ["CIFAR-100, small backbone, validation", "/results/cifar100-weak-validation"],
    ["The same, CLS alone", "/results/cifar100-weak-cls-validation"],
    ["CIFAR-100, ViT-S/14", "/results/cifar100-strong"],
    ["CIFAR-100, ViT-S/14, validation", "/results/cifar100-strong-validation"],
    ["CIFAR-100, earlier validation", "/results/cifar100-validation"],
    ["Ablations", "/ablations"],
    ["Other rates, epochs and tasks", "/results/robustness"],
    ["Where points are lost", "/results/where-points-are-lost"],
    ["Known or unknown", "/results/unknown"],
    ["PACS", "/results/pacs"],
    ["PACS, validation", "/results/pacs-rates-validation"],
    ["PACS, scatter between domains", "/results/pacs-validation"],
    ["A hundred tasks", "/results/emoji-100"],
    ["Emoji", "/results/emoji-small"],
    ["Emoji in other styles", "/results/emoji-styles"],
    ["Emoji in other styles, validation", "/results/emoji-styles-validation"],
    ["Speed and memory", "/benchmarks-speed"],
  ]),
];
