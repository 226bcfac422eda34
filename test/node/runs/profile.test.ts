import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunMetrics } from "../../../src/metrics/run-metrics.ts";
import { runBenchmark } from "../../../src/node/runs/run.ts";
import { toyRequest } from "../../support/toy-folder.ts";

interface TraceEvent {
  readonly name: string;
  readonly cat: "phase" | "operator";
  readonly ts: number;
  readonly dur: number;
}

const root = mkdtempSync(join(tmpdir(), "fmlora-profile-"));
const profiled = join(root, "profiled");
let metrics: RunMetrics;
let plain: RunMetrics;

beforeAll(async () => {
  const toy = await toyRequest(root);
  const request = { ...toy, epochs: 1 };
  metrics = await runBenchmark({ ...request, out: profiled, resume: false, profile: true });
  plain = await runBenchmark({ ...request, out: join(root, "plain"), resume: false });
}, 120_000);
afterAll(() => rmSync(root, { recursive: true }));

const page = (): string => readFileSync(join(profiled, "profile.md"), "utf8");

/** Numbers of the rows whose first cell is one of `names`. */
const rows = (text: string): Map<string, string[]> =>
  new Map(
    text
      .split("\n")
      .filter((line) => line.startsWith("| ") && !line.startsWith("| :"))
      .map((line) => line.slice(2, -2).split(" | "))
      .map(([name, ...cells]) => [name!, cells]),
  );

test("a profile changes no result, and nothing of it lies in a run without", () => {
  expect(metrics.readouts).toEqual(plain.readouts);
  const names = readdirSync(join(root, "plain"));
  expect(readdirSync(profiled).sort()).toEqual([...names, "profile.md", "profile.trace.json"].sort());
  expect(existsSync(join(profiled, "profile.md"))).toBe(true);
});

test("the page has every phase, and its shares add up", () => {
  const phases = rows(page().split("## By operator")[0]!);
  for (const name of ["begin task", "end task", "evaluation", "checkpoint", "model file", "(the rest)"])
    expect(phases.has(name), name).toBe(true);
  for (const inner of ["waiting for images", "optimizer"])
    expect(phases.has(`training › ${inner}`), inner).toBe(true);
  expect([...phases.keys()].some((name) => /^training › graph \d/.test(name))).toBe(true);
  const self = [...phases]
    .filter(([name]) => name !== "phase")
    .map(([, cells]) => Number(cells[2]!.replaceAll(",", "")));
  const outer = [...phases].filter(([name]) => name !== "phase" && !name.includes("›"));
  const total = outer.reduce((sum, [, cells]) => sum + Number(cells[0]), 0);
  expect(Math.abs(self.reduce((sum, value) => sum + value, 0) - total)).toBeLessThan(phases.size); // rounding
  const shares = outer.reduce((sum, [, cells]) => sum + Number.parseFloat(cells[1]!), 0);
  expect(shares).toBeCloseTo(100, 0);
});

test("operators are counted by type and by phase", () => {
  const operators = rows(page().split("## By operator")[1]!.split("## The")[0]!);
  const [header, ...others] = [...operators];
  expect(header![1]).toContain("ms, training");
  expect(header![1]).toContain("ms, evaluation");
  expect(others.length).toBeGreaterThan(5);
  expect(operators.has("Softmax")).toBe(true);
});

test("the trace is JSON in which every operator lies in a run of its graph", () => {
  const { traceEvents } = JSON.parse(readFileSync(join(profiled, "profile.trace.json"), "utf8")) as {
    traceEvents: TraceEvent[];
  };
  const graphs = traceEvents.filter(({ cat, name }) => cat === "phase" && name.startsWith("graph "));
  const operators = traceEvents.filter(({ cat }) => cat === "operator");
  expect(operators.length).toBeGreaterThan(100);
  const slack = 2000; // microseconds by which the two clocks may disagree
  for (const { ts, dur } of operators) {
    const inside = graphs.some((graph) => ts >= graph.ts - slack && ts + dur <= graph.ts + graph.dur + slack);
    expect(inside).toBe(true);
  }
});
