/** @file Takes a lock, says so, and ends a little later. Usage: node --import tsx lock-child.ts FILE */
import { setTimeout as sleep } from "node:timers/promises";
import { Lock, takeLock } from "../../../src/node/files/lock.ts";

const taken = await takeLock(process.argv[2]!);
process.stdout.write(taken instanceof Lock ? "taken" : "refused");
await sleep(1500);
