/** @file Full disks: a file system of a few kilobytes, on which a run stops in one line, and goes on once there is room. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { badEnding, shortFiles, Tally, type Workshop } from "./workshop.ts";

const SMALLEST = 8;
const LARGEST = 320;

/** Does some work on a file system of so many kB; false where none can be mounted. `grow` makes room on it, `freeze` makes it read-only. */
export async function onDisk(
  folder: string,
  kilobytes: number,
  work: (disk: { grow(): void; freeze(): void }) => Promise<void>,
): Promise<boolean> {
  mkdirSync(folder, { recursive: true });
  const mount = (...args: string[]): void => {
    execFileSync("mount", args, { stdio: "ignore" });
  };
  try {
    mount("-t", "tmpfs", "-o", `size=${kilobytes}k`, "fm-lora-torture", folder);
  } catch {
    return false;
  }
  try {
    await work({
      grow: () => mount("-o", "remount,rw,size=64m", folder),
      freeze() {
        for (let tries = 0; tries < 100; tries++) {
          try {
            return mount("-o", "remount,ro", folder);
          } catch {
            // Busy, as long as a file is open for writing.
          }
        }
      },
    });
  } finally {
    execFileSync("umount", [folder]);
  }
  return true;
}

/** Runs and features on disks of `count` sizes. */
export async function tortureByDisks(shop: Workshop, count: number): Promise<Tally> {
  const tally = new Tally("full disks");
  for (let place = 0; place < count; place++) {
    const size = Math.round(SMALLEST + ((LARGEST - SMALLEST) * place) / Math.max(1, count - 1));
    const disk = shop.at("disk");
    const mounted = await onDisk(disk, size, async ({ grow }) => {
      const out = join(disk, "run");
      const first = await shop.run(out);
      tally.count(`a run on ${size} kB`, [
        ...badEnding(first),
        ...shortFiles(out),
        ...advice(first.stderr, true),
      ]);
      grow();
      const second = await shop.run(out, { resume: true });
      const ended = second.code === 0 ? shop.differences(out) : [second.stderr.trimEnd()];
      tally.count(`resumed from ${size} kB`, [...badEnding(second), ...ended]);
    });
    if (!mounted) {
      console.log("no file system can be mounted here: full disks were not tried");
      return tally;
    }
    await onDisk(disk, 4 + place, async () => {
      const file = join(disk, "features.npy");
      const args = ["features", shop.at("images"), "--backbone", shop.at("backbone"), "--out", file];
      const outcome = await shop.command(args);
      const left = outcome.code === 0 ? [] : readdirSync(disk).map((name) => `${name} is left`);
      const there = outcome.code === 0 && !existsSync(file) ? ["no file"] : [];
      const faults = [...badEnding(outcome), ...left, ...there, ...advice(outcome.stderr, false)];
      tally.count(`features on ${4 + place} kB`, faults);
    });
  }
  return tally;
}

/** --resume is advised where it is an option, and nowhere else. */
const advice = (stderr: string, resumes: boolean): string[] =>
  stderr.includes("the disk is full") && stderr.includes("--resume") !== resumes ? ["wrong advice"] : [];
