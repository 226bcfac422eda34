/** @file The classifier that the method trains itself, as it is. */
import * as z from "zod";
import { defineHead } from "./head.ts";

/** Rows of a linear classifier trained along with the network, or whatever else a method trains to classify. */
export const rows = defineHead({
  name: "rows",
  summary: "the classifier that the method trains along with its network",
  source: "the method's",
  options: z.object({}),
  needs: ["own classifier"],
  followsDrift: false,
  create: ({ own }) => ({
    scores: own,
    classifier: () => own.linear && { ...own.linear(), unitFeatures: own.unitFeatures ?? false },
  }),
});
