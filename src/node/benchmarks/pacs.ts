/** @file PACS: the same seven classes as photos, paintings, cartoons and sketches. */
import * as z from "zod";
import { defineBenchmark } from "../../run/benchmark.ts";
import { domainNeeds, openDomainLists } from "./domain-lists.ts";

// From photos to what is least like them: Photo, Art painting, Cartoon, Sketch give the data set its name.
const LAYOUT = {
  name: "pacs",
  domainNames: ["photo", "art_painting", "cartoon", "sketch"],
  classes: 7,
  hubSplitSeed: 1993,
} as const;

/** Four domains of seven classes (Li et al., 2017), with lists as DomainNet has them. */
export const pacs = defineBenchmark({
  name: "pacs",
  kind: "domain-incremental",
  tasks: LAYOUT.domainNames.length,
  summary: "PACS: 7 classes as photos, paintings, cartoons and sketches, in this order",
  needs: domainNeeds(LAYOUT),
  source: {
    home: "https://sketchx.eecs.qmul.ac.uk/downloads/",
    hub: {
      repo: "flwrlabs/pacs",
      files: /^data\/train-[^/]*\.parquet$/,
      note: "Flower Labs' copy of all images without a split, in parquet",
    },
    license: 'not stated; "unknown" on the Hub\'s card',
    images: 9991,
    classes: LAYOUT.classes,
    bytes: 191_000_000,
  },
  usesData: true,
  options: z.object({}),
  open: ({ data }) => openDomainLists(data, LAYOUT),
});
