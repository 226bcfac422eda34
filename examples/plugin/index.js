// @ts-check
/** @file What this package adds to fm-lora: each part is a file of its own, and a place here. */
import { medians } from "./medians.js";
import { probe } from "./probe.js";
import { stripes } from "./stripes.js";

/** @type {import("fm-lora").Plugin} */
export default {
  name: "fm-lora-plugin-example",
  methods: [probe],
  heads: [medians],
  benchmarks: [stripes],
};
