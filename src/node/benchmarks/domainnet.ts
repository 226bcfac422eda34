/** @file DomainNet in its official layout. */
import * as z from "zod";
import { defineBenchmark } from "../../run/benchmark.ts";
import { domainNeeds, openDomainLists } from "./domain-lists.ts";

/** Domains in the order in which published domain-incremental results come. */
export const DOMAINNET = {
  name: "domainnet",
  domainNames: ["real", "quickdraw", "painting", "sketch", "infograph", "clipart"],
  classes: 345,
} as const;

/** Six domains of 345 classes (Peng et al., 2019), with the lists and zips of its page. */
export const domainnet = defineBenchmark({
  name: "domainnet",
  kind: "domain-incremental",
  tasks: DOMAINNET.domainNames.length,
  summary: "DomainNet: 345 classes in six domains, from real photos to clip art",
  needs: domainNeeds(DOMAINNET),
  source: {
    home: "https://ai.bu.edu/M3SDA/",
    hub: {
      repo: "wltjr1007/DomainNet",
      files: /^data\/(train|test)-[^/]*\.parquet$/,
      note: "a user's copy of the cleaned version with its split, in parquet",
    },
    license: 'not stated with the lists; "other" on the Hub\'s card',
    images: 586_575,
    classes: DOMAINNET.classes,
    bytes: 17_500_000_000,
  },
  usesData: true,
  options: z.object({}),
  open: ({ data }) => openDomainLists(data, DOMAINNET),
});
