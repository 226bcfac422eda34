/** @file Folders that were damaged, or change while a run is at work: refused in one line, or the same result. */
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { onDisk } from "./disks.ts";
import { badEnding, Tally, type Workshop } from "./workshop.ts";

const LOCKS = [
  "",
  "null",
  "{}",
  "5",
  "[]",
  '{"pid":',
  '{"pid":1,"host":"elsewhere","birth":null}',
  "\u0000".repeat(9),
];
const FAR_AHEAD = new Date(Date.now() + 365 * 86_400_000);
const PRECIOUS = "what must not be overwritten";

/** Things that may have become of a file. */
const DAMAGES: Readonly<Record<string, (file: string, shop: Workshop) => void>> = {
  empty: (file) => truncateSync(file, 0),
  "cut in two": (file) => truncateSync(file, readFileSync(file).length >> 1),
  "changed in one bit": (file) => {
    const bytes = readFileSync(file);
    bytes[bytes.length - 9]! ^= 1;
    writeFileSync(file, bytes);
  },
  null: (file) => writeFileSync(file, "null"),
  "a folder": (file) => {
    rmSync(file);
    mkdirSync(file);
  },
  "a pipe": (file) => {
    rmSync(file);
    execFileSync("mkfifo", [file]);
  },
  "a link": (file, shop) => {
    rmSync(file);
    symlinkSync(shop.at("precious"), file);
  },
  gone: (file) => rmSync(file),
};
/** The content of the logs is not what this is about. */
const STRUCTURAL = ["a folder", "a pipe", "a link"];
const CONTENT = ["config.json", "checkpoint.safetensors", "metrics.json", join("model", "model.safetensors")];

/** Damages every file in every way, up to `most` of them, and changes the folder of runs at work. */
export async function tortureByFolders(shop: Workshop, most = Number.POSITIVE_INFINITY): Promise<Tally> {
  const tally = new Tally("damaged and changed folders");
  writeFileSync(shop.at("precious"), PRECIOUS);
  const tries = [
    ...[...CONTENT, "events.jsonl", "tasks.jsonl"].flatMap((name) =>
      Object.keys(DAMAGES)
        .filter((kind) => CONTENT.includes(name) || STRUCTURAL.includes(kind))
        .map((kind) => [name, kind] as const),
    ),
  ];
  const step = Math.max(1, Math.ceil(tries.length / most));
  for (const [name, kind] of tries.filter((_, i) => i % step === 0)) {
    const out = shop.at("damaged");
    cpSync(shop.at("whole"), out, { recursive: true });
    DAMAGES[kind]!(join(out, name), shop);
    const outcome = await shop.run(out, { resume: true });
    // A run without its configuration is claimed anew, or refused: it is no other run's in any case.
    const ended = outcome.code === 0 ? shop.differences(out) : [];
    tally.count(`${name} is ${kind}`, [...badEnding(outcome), ...ended, ...precious(shop)]);
    rmSync(out, { recursive: true });
  }
  for (const [i, text] of LOCKS.filter((_, i) => most > LOCKS.length || i < 2).entries()) {
    const out = shop.at("locked");
    cpSync(shop.at("whole"), out, { recursive: true });
    writeFileSync(join(out, ".lock"), text);
    if (i % 2 === 0 || text.includes("elsewhere")) utimesSync(join(out, ".lock"), FAR_AHEAD, FAR_AHEAD);
    const outcome = await shop.run(out, { resume: true });
    const refused = outcome.code === 0 ? shop.differences(out) : [outcome.stderr.trimEnd()];
    tally.count(`a lock that holds ${JSON.stringify(text)}`, [...badEnding(outcome), ...refused]);
    rmSync(out, { recursive: true });
  }
  await changeWhileRunning(shop, tally);
  return tally;
}

async function changeWhileRunning(shop: Workshop, tally: Tally): Promise<void> {
  const changed = async (what: string, out: string, change: () => void, mend: () => void): Promise<void> => {
    let done = false;
    const onLine = (line: string): void => {
      if (!done && line.includes('"type":"task-end"')) {
        done = true;
        change();
      }
    };
    const first = await shop.run(out, { onLine });
    mend();
    const second = await shop.run(out, { resume: true });
    const ended = second.code === 0 ? shop.differences(out) : [second.stderr.trimEnd()];
    tally.count(what, [...badEnding(first), ...badEnding(second), ...ended]);
  };
  const out = shop.at("changing");
  await changed(
    "the lock is removed",
    out,
    () => rmSync(join(out, ".lock"), { force: true }),
    () => {},
  );
  rmSync(out, { recursive: true });
  const [moved, back] = [() => renameSync(out, `${out}-moved`), () => renameSync(`${out}-moved`, out)];
  await changed("the folder is moved and put back", out, moved, () => {
    if (existsSync(out)) throw new Error("the folder was made anew");
    back();
  });
  rmSync(out, { recursive: true });
  const disk = shop.at("disk");
  await onDisk(disk, 4096, async ({ freeze, grow }) => {
    await changed("the disk becomes read-only", join(disk, "run"), freeze, grow);
  });
}

const precious = (shop: Workshop): string[] =>
  readFileSync(shop.at("precious"), "utf8") === PRECIOUS ? [] : ["a file outside was overwritten"];
