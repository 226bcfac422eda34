/** @file Takes a lock when it is told to, and has it until its input ends. Usage: node --import tsx lock-child.ts FILE */
import { createInterface } from "node:readline";
import { Lock, takeLock } from "../../../src/node/files/lock.ts";

process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== "go") continue;
  const taken = await takeLock(process.argv[2]!);
  process.stdout.write(taken instanceof Lock ? "taken\n" : "refused\n");
}
