/** @file Copies of wrong images in the report: none unless asked for, and the same however the run came to its end. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runBenchmark } from "../../../src/node/runs/run.ts";
import { toyRequest } from "../../support/toy-folder.ts";
import { readRun } from "./run-folder.ts";

const place = mkdtempSync(join(tmpdir(), "fm-lora-pictures-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

test("wrong images are in the report of who asks, and change nothing else", async () => {
  const request = {
    ...(await toyRequest(place)),
    methodOptions: { rank: 8, rows: "linear", rowStart: "zero" }, // rows that are wrong often
    tasks: 2,
    epochs: 1,
    heads: ["rows"],
    features: "cls" as const,
    baseline: false,
  };
  const at = (name: string): string => join(place, name);
  const pictures = (name: string): string[] =>
    readFileSync(join(at(name), "report.html"), "utf8").match(/<figure>.*?<\/figure>/g) ?? [];
  await runBenchmark({ ...request, out: at("without") });
  const { confusions } = await runBenchmark({ ...request, reportImages: 3, out: at("with") });

  expect(readRun(at("with"))).toEqual(readRun(at("without")));
  expect(readFileSync(join(at("without"), "report.html"), "utf8")).not.toMatch(/<img|data:image/);
  expect(readFileSync(join(at("without"), "checkpoint.safetensors")).includes("mistakes")).toBe(false);
  const shown = pictures("with");
  expect(confusions!.filter(([label, answer]) => label !== answer).length).toBeGreaterThanOrEqual(3);
  expect(shown).toHaveLength(3);
  const said =
    /^<figure><img src="data:image\/webp;base64,[\w+/=]+" alt="" width="112" height="112"><figcaption><b>class-\d<\/b> ([\d.]+) %<br>is class-\d<\/figcaption><\/figure>$/;
  const sure = shown.map((figure) => Number(said.exec(figure)?.[1]));
  expect(sure).toEqual(sure.toSorted((a, b) => b - a));

  // Stopped in its last task, and stopped before the report alone was written.
  const controller = new AbortController();
  const stopped = runBenchmark({
    ...request,
    reportImages: 3,
    out: at("stopped"),
    signal: controller.signal,
    listen: (event) => {
      if (event.type === "epoch" && event.task === 1) controller.abort();
    },
  });
  await expect(stopped).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
  for (const _ of ["resumed", "finished"]) {
    await runBenchmark({ ...request, reportImages: 3, out: at("stopped"), resume: true });
    expect(pictures("stopped")).toEqual(shown);
  }
}, 240_000);
