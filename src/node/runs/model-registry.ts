/** @file What models are made of. Apart from benchmarks, whose readers of archives and tables an answer has no use for. */
import { HEADS } from "../../heads/index.ts";
import { METHODS } from "../../methods/index.ts";
import type { Registry } from "../../run/registry.ts";

/** All methods and heads that come along, and no benchmark. */
export const MODEL_REGISTRY: Registry = { methods: METHODS, heads: HEADS, benchmarks: [], plugins: [] };
