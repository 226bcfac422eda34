/** @file The benchmarks by name. */
import type { Benchmark } from "../../run/benchmark.ts";
import { cifar100 } from "./cifar100.ts";
import { cub200 } from "./cub200.ts";
import { domainnet } from "./domainnet.ts";
import { domainnetCil } from "./domainnet-cil.ts";
import { emoji } from "./emoji.ts";
import { emojiStyles } from "./emoji-styles.ts";
import { folder } from "./folder.ts";
import { imagenetR } from "./imagenet-r.ts";
import { pacs } from "./pacs.ts";
import { permuted } from "./permuted.ts";

/** All benchmarks; a new one is its own file and a place here. */
export const benchmarks: readonly Benchmark[] = [
  cifar100,
  cub200,
  domainnet,
  domainnetCil,
  emoji,
  emojiStyles,
  folder,
  imagenetR,
  pacs,
  permuted,
];
