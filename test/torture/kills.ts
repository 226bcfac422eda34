/** @file Kills at writes: before one, in the middle of it, after it. The run goes on and ends as if nothing had happened. */
import { rmSync } from "node:fs";
import { Rng } from "../../src/tensor/rng.ts";
import { badEnding, shortFiles, Tally, type Workshop } from "./workshop.ts";

const WAYS = ["before", "middle", "after"];
/** Steps of writing of the whole run, about: a kill beyond the last one lets it end. */
const STEPS = 340;

/** Kills runs `count` times; that each of them ends as if nothing had happened counts, too. */
export async function tortureByKills(shop: Workshop, count: number, seed: number): Promise<Tally> {
  const tally = new Tally("kills at writes");
  const rng = Rng.at("torture", seed, "kills");
  let kills = 0;
  for (let chain = 0; kills < count; chain++) {
    const out = shop.at(`killed-${chain}`);
    for (let resume = false; ; resume = true) {
      const kill = { at: 1 + rng.below(STEPS), how: WAYS[rng.below(WAYS.length)]! };
      const outcome = await shop.run(out, { resume, kill });
      const what = `killed ${kill.how} step ${kill.at}, ${resume ? "resumed" : "fresh"}`;
      const faults = [...badEnding(outcome, true), ...shortFiles(out)];
      if (outcome.code === null && !outcome.hung) {
        tally.count(what, faults);
        if (++kills < count) continue;
        const end = await shop.run(out, { resume: true });
        tally.count("the end", [
          ...badEnding(end),
          ...(end.code === 0 ? shop.differences(out) : ["refused"]),
        ]);
      } else {
        const ended = outcome.code === 0 ? shop.differences(out) : [outcome.stderr.trimEnd()];
        tally.count("the end", [...faults, ...ended]);
      }
      break;
    }
    rmSync(out, { recursive: true, force: true });
  }
  return tally;
}
