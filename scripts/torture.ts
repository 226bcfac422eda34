/**
 * @file Tries to make runs lose something: `npm run torture -- [--kills 200] [--disks 20] [--seed 1]`. Kills at writes,
 * full disks (on small file systems, where one can be mounted), damaged and changed folders, hostile hubs.
 */
import { parseArgs } from "node:util";
import { tortureByDisks } from "../test/torture/disks.ts";
import { tortureByFolders } from "../test/torture/folders.ts";
import { tortureByHubs } from "../test/torture/hubs.ts";
import { tortureByKills } from "../test/torture/kills.ts";
import { Workshop } from "../test/torture/workshop.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    disks: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
  },
});
const number = (name: keyof typeof values): number => {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new Error(`--${name} ${values[name]}: expected a whole number`);
};

const shop = new Workshop();
try {
  await shop.prepare();
  const kinds = [
    () => tortureByHubs(shop),
    () => tortureByFolders(shop),
    () => tortureByDisks(shop, number("disks")),
    () => tortureByKills(shop, number("kills"), number("seed")),
  ];
  for (const torture of kinds) {
    const tally = await torture();
    for (const failure of tally.failures) console.log(`  ${failure}`);
    console.log(String(tally));
    if (tally.failures.length > 0) process.exitCode = 1;
  }
} finally {
  shop.remove();
}
