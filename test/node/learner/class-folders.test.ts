/** @file A learner's folder of class folders, as people have them. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { classFolders } from "../../../src/node/learner/class-folders.ts";

const root = mkdtempSync(join(tmpdir(), "fm-lora-classes-"));
const at = (...path: string[]): string => join(root, ...path);

beforeAll(() => {
  const files = ["cat/1.jpg", "cat/2.jfif", "cat/3.bmp", "cat/far/4.PNG", "cat/._1.jpg", "dog/1.webp"];
  for (const file of [...files, "__MACOSX/cat/1.jpg", ".cache/1.jpg", "loose.png"]) {
    mkdirSync(dirname(at("photos", file)), { recursive: true });
    writeFileSync(at("photos", file), "");
  }
  symlinkSync(at("photos"), at("photos", "dog", "round"));
  symlinkSync(at("nowhere"), at("photos", "dog", "lost"));
  mkdirSync(at("elsewhere"));
  writeFileSync(at("elsewhere", "1.gif"), "");
  symlinkSync(at("elsewhere"), at("photos", "fox"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("every image once, links followed, system files passed over, and the rest told", async () => {
  const notices: string[] = [];
  const found = await classFolders(at("photos"), { onNotice: (notice) => notices.push(notice) });
  expect(found).toEqual({
    cat: [at("photos", "cat", "1.jpg"), at("photos", "cat", "2.jfif"), at("photos", "cat", "far", "4.PNG")],
    dog: [at("photos", "dog", "1.webp")],
    fox: [at("photos", "fox", "1.gif")],
  });
  expect(notices).toEqual([
    "images outside of class folders, left out: 1 (the first: loose.png); put them into one",
    "images in formats that are not read: 1 (1 .bmp; the first: cat/3.bmp); convert them to PNG or JPEG",
    "names that lead to nothing that can be read: 1 (the first: dog/lost: a link that leads nowhere); mend or remove them",
    "links to folders that are read anyway, passed over: 1 (the first: dog/round)",
  ]);
});
