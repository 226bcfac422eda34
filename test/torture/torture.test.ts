/** @file The short form of `npm run torture`: a few tries of each kind, all of which must hold. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { tortureByDisks } from "./disks.ts";
import { tortureByFolders } from "./folders.ts";
import { tortureByHubs } from "./hubs.ts";
import { tortureByKills } from "./kills.ts";
import { type Tally, Workshop } from "./workshop.ts";

const shop = new Workshop();
beforeAll(() => shop.prepare(), 120_000);
afterAll(() => shop.remove());

const held = ({ tried, failures }: Tally, least: number): void => {
  expect(failures).toEqual([]);
  expect(tried).toBeGreaterThanOrEqual(least);
};

test("kills at writes", async () => held(await tortureByKills(shop, 6, 7), 6), 300_000);
test(
  "full disks, where a file system can be mounted",
  async () => held(await tortureByDisks(shop, 2), 0),
  300_000,
);
test("damaged and changed folders", async () => held(await tortureByFolders(shop, 6), 8), 600_000);
test("hostile hubs", async () => held(await tortureByHubs(shop), 30), 300_000);
