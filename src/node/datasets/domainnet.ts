/** @file DomainNet in its official layout. */
import { type Benchmark, readOptions, requireData } from "./benchmark.ts";
import { domainNeeds, openDomainLists } from "./domain-lists.ts";

// The order in which published domain-incremental results come.
const LAYOUT = {
  name: "domainnet",
  domainNames: ["real", "quickdraw", "painting", "sketch", "infograph", "clipart"],
  classes: 345,
} as const;

/** Six domains of 345 classes (Peng et al., 2019), with the lists and zips of its page. */
export const domainnet: Benchmark = {
  name: "domainnet",
  kind: "domain-incremental",
  tasks: LAYOUT.domainNames.length,
  summary: "DomainNet: 345 classes in six domains, from real photos to clip art",
  needs: domainNeeds(LAYOUT),
  usesData: true,
  options: {},
  async open(options) {
    readOptions("domainnet", domainnet.options, options.options);
    return openDomainLists(requireData(domainnet, options), LAYOUT);
  },
};
