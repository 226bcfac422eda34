// @ts-check
/** @file What this package adds to fm-lora: each part is a file of its own, and a place here. */
import { stripes } from "./stripes.js";

/** @type {import("fm-lora").Plugin} */
export default {
  name: "fm-lora-plugin-example",
  benchmarks: [stripes],
};
