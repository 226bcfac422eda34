/** @file DomainNet cut by classes: what several class-incremental papers call DomainNet. */
import * as z from "zod";
import { defineBenchmark } from "../../run/benchmark.ts";
import { domainNeeds, openDomainLists } from "./domain-lists.ts";
import { DOMAINNET, domainnet } from "./domainnet.ts";

/** The same images as `domainnet`, as 5 tasks of 69 classes with all six domains in each. */
export const domainnetCil = defineBenchmark({
  name: "domainnet-cil",
  kind: "class-incremental",
  tasks: 5,
  summary:
    "DomainNet as class-incremental papers cut it: 5 x 69 classes, all domains mixed (not the domain stream)",
  needs: domainNeeds(DOMAINNET),
  source: domainnet.source,
  usesData: true,
  options: z.object({}),
  async open({ data }) {
    const dataset = await openDomainLists(data, DOMAINNET);
    return { ...dataset, name: "domainnet-cil" };
  },
});
