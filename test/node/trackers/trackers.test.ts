/** @file `--log`: what TensorBoard's reader, MLflow's server and a table find of a run, undisturbed and resumed. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunRequest } from "../../../src/node/runs/request.ts";
import { runBenchmark } from "../../../src/node/runs/run.ts";
import { crc32c } from "../../../src/node/trackers/event-file.ts";
import { loggersNamed, tracked } from "../../../src/node/trackers/index.ts";
import { mlflowSettings } from "../../../src/node/trackers/mlflow.ts";
import type { OpenLogger, RunEnd } from "../../../src/run/logger.ts";
import type { RunEvent } from "../../../src/train/events.ts";
import { missing, mlflow, type Service, TRACKERS_PYTHON } from "../../support/services.ts";
import { toyRequest } from "../../support/toy-folder.ts";

const root = mkdtempSync(join(tmpdir(), "fm-lora-trackers-"));
let request: Omit<RunRequest, "out" | "resume">;
beforeAll(async () => {
  request = await toyRequest(root);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Played {
  readonly resume?: boolean;
  /** Stop after so many events. */
  readonly stopAt?: number;
  readonly more?: readonly OpenLogger[];
}

/** Runs with loggers. Returns what the user was told. */
async function play(
  out: string,
  names: readonly string[],
  { resume = false, stopAt, more = [] }: Played = {},
) {
  const told: string[] = [];
  const tell = (line: string) => void told.push(line);
  const controller = new AbortController();
  let seen = 0;
  const loggers = [...loggersNamed(names, tell), ...more];
  const run = tracked({ out, loggers, tell, signal: controller.signal }, (log) => {
    const listen = (event: RunEvent) => {
      log(event);
      if (++seen === stopAt) controller.abort();
    };
    return runBenchmark({ ...request, out, resume, listen, signal: controller.signal });
  });
  if (stopAt === undefined) await run;
  else await expect(run).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
  return told;
}

/** Rows of log.csv without times and what depends on them. */
function rows(out: string): string[] {
  const [head, ...lines] = readFileSync(join(out, "log.csv"), "utf8").trimEnd().split("\n");
  expect(head).toBe("time,task,step,name,value");
  return lines.map((line) => line.replace(/^[^,]*,/, "")).filter((line) => !/seconds|per_second/.test(line));
}

/** What is used of MLflow's answers. */
interface Answer {
  readonly run: {
    readonly info: { readonly status: string };
    readonly data: { readonly params: readonly { readonly key: string; readonly value: string }[] };
  };
  readonly metrics: readonly { readonly step: string; readonly value: number }[];
  readonly files: readonly { readonly path: string }[];
}

describe("csv", () => {
  test("has every number once, also of a run that was stopped and resumed", async () => {
    const [whole, cut] = [join(root, "whole"), join(root, "cut")];
    expect(await play(whole, ["csv"])).toEqual([]);
    await play(cut, ["csv"], { stopAt: 34 });
    await play(cut, ["csv"], { resume: true });
    expect(rows(cut)).toEqual(rows(whole));
    const metrics = JSON.parse(readFileSync(join(whole, "metrics.json"), "utf8"));
    const accuracies = rows(whole).filter((row) => row.split(",")[2] === "accuracy");
    expect(accuracies).toEqual(
      metrics.accuracyMicro.map((share: number, t: number) => `${t + 1},${t + 1},accuracy,${share}`),
    );
    expect(rows(whole).at(-1)).toBe(
      `,${metrics.taskNames.length},average_accuracy,${metrics.averageAccuracy}`,
    );
    const steps = readFileSync(join(whole, "events.jsonl"), "utf8").match(/"type":"step"/g)!.length;
    expect(rows(whole).filter((row) => row.includes(",loss,")).length).toBe(steps);
  });
});

describe("loggers", () => {
  test("hear of how a run ended, and what one throws is said once and stops nothing", async () => {
    const ends: RunEnd[] = [];
    const bad: OpenLogger = () => ({
      log() {
        throw new Error("no");
      },
      close: () => Promise.reject(new Error("never asked")),
    });
    const good: OpenLogger = () => ({ log() {}, close: async (end) => void ends.push(end) });
    const unopened: OpenLogger = () => {
      throw new Error("not at all");
    };
    const out = join(root, "ends");
    const told = await play(out, [], { stopAt: 20, more: [bad, good, unopened] });
    expect(told.sort()).toEqual([
      "--log: no; the run goes on without it",
      "--log: not at all; the run goes on without it",
    ]);
    await play(out, [], { resume: true, more: [good] });
    expect(ends).toEqual(["stopped", "finished"]);
  });

  test("are named, and MLflow's server comes from the environment", () => {
    expect(() => loggersNamed(["wandb"], () => {})).toThrow(
      /expected one or more of: tensorboard, mlflow, csv/,
    );
    expect(() => mlflowSettings({})).toThrow(/set MLFLOW_TRACKING_URI/);
    const settings = mlflowSettings({ MLFLOW_TRACKING_URI: "http://me:secret@host:1/path/" });
    expect(settings.uri).toBe("http://host:1/path");
    expect(settings.authorization).toBe(`Basic ${Buffer.from("me:secret").toString("base64")}`);
  });
});

test("the checksum of records is RFC 3720's", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  expect(crc32c(bytes("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
});

const BRING =
  "python3 -m venv DIR && DIR/bin/pip install mlflow tensorboard, then FMLORA_TRACKERS_PYTHON=DIR/bin/python";

describe.skipIf(missing("TensorBoard's reader and MLflow's server", TRACKERS_PYTHON, BRING))(
  "the real thing:",
  () => {
    test("TensorBoard reads a run, and of a resumed one each number once", async () => {
      const script = fileURLToPath(new URL("events.py", import.meta.url));
      const read = (out: string) =>
        JSON.parse(
          execFileSync(TRACKERS_PYTHON!, [script, join(out, "tensorboard")], {
            encoding: "utf8",
            stdio: ["ignore", "pipe", "ignore"],
          }),
        );
      const out = join(root, "board");
      await play(out, ["tensorboard"], { stopAt: 34 });
      await play(out, ["tensorboard", "csv"], { resume: true });
      const { scalars, images, text } = read(out);
      for (const name of ["loss", "accuracy", "accuracy_lda/task_1", "last_accuracy"]) {
        const wanted = rows(out)
          .map((row) => row.split(","))
          .filter((row) => row[2] === name);
        expect(scalars[name], name).toEqual(
          wanted.map((row) => [Number(row[1]), Math.fround(Number(row[3]))]),
        );
      }
      expect(images).toEqual([[expect.any(Number), expect.any(Number), "89504e47"]]);
      expect(text).toContain("| methodOptions.rank | 8 |");
    }, 120_000);

    describe("MLflow", () => {
      let server: Service;
      beforeAll(async () => {
        server = await mlflow(join(root, "mlflow"));
        process.env.MLFLOW_TRACKING_URI = `http://127.0.0.1:${server.port}`;
      }, 90_000);
      afterAll(async () => {
        delete process.env.MLFLOW_TRACKING_URI;
        await server.stop();
      });
      const get = async (path: string) =>
        (await (await fetch(`${process.env.MLFLOW_TRACKING_URI}/api/2.0/mlflow/${path}`)).json()) as Answer;

      test("has parameters, numbers by step, and the report, also of a run that was stopped", async () => {
        const out = join(root, "flow");
        expect(await play(out, ["mlflow"], { stopAt: 34 })).toEqual([]);
        const { run: id } = JSON.parse(readFileSync(join(out, "mlflow.json"), "utf8"));
        expect((await get(`runs/get?run_id=${id}`)).run.info.status).toBe("KILLED");
        expect(await play(out, ["mlflow", "csv"], { resume: true })).toEqual([]);
        const { run } = await get(`runs/get?run_id=${id}`);
        expect(run.info.status).toBe("FINISHED");
        const parameters = Object.fromEntries(run.data.params.map((each) => [each.key, each.value]));
        expect(parameters).toMatchObject({ method: "fm-lora", "methodOptions.rank": "8", seed: "5" });
        for (const name of ["loss", "accuracy"]) {
          const { metrics } = await get(`metrics/get-history?run_id=${id}&metric_key=${name}`);
          const found = new Map(metrics.map((each) => [Number(each.step), each.value]));
          const wanted = rows(out)
            .map((row) => row.split(","))
            .filter((row) => row[2] === name);
          expect([...found].sort(), name).toEqual(
            wanted.map((row) => [Number(row[1]), Number(row[3])]).sort(),
          );
        }
        const { files } = await get(`artifacts/list?run_id=${id}`);
        expect(files.map((file) => file.path).sort()).toEqual([
          "accuracy.svg",
          "config.json",
          "metrics.json",
          "report.html",
        ]);
      }, 120_000);
    });
  },
);

describe("an MLflow server that is down", () => {
  let server: Server;
  let asked: string[];
  let failures: number;
  beforeAll(async () => {
    server = createServer((incoming, answer) => {
      asked.push(incoming.url!);
      if (failures-- > 0) answer.writeHead(503).end("soon");
      else answer.writeHead(200, { "content-type": "application/json" }).end(answerTo(incoming.url!));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    process.env.MLFLOW_TRACKING_URI = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  });
  afterAll(async () => {
    delete process.env.MLFLOW_TRACKING_URI;
    server.close();
  });
  const answerTo = (url: string): string =>
    JSON.stringify({
      experiment: { experiment_id: "1" },
      run: { info: { run_id: "r", artifact_uri: "mlflow-artifacts:/1/r/artifacts" } },
      ...(url.includes("log-batch") ? {} : { ok: true }),
    });

  test("is said once, and gets everything later", async () => {
    [asked, failures] = [[], 2];
    const told = await play(join(root, "late"), ["mlflow"]);
    expect(told).toEqual([expect.stringMatching(/does not answer \(HTTP 503 soon\); what is logged waits$/)]);
    expect(asked.at(-1)).toBe("/api/2.0/mlflow/runs/update");
    expect(asked).toContain("/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/report.html");
  }, 60_000);

  test("for good leaves the run alone, and --resume sends what is missing", async () => {
    [asked, failures] = [[], Number.POSITIVE_INFINITY];
    const out = join(root, "down");
    const told = await play(out, ["mlflow"]);
    expect(told.length).toBe(2);
    expect(told[1]).toMatch(/events of the run are not there; the same command with --resume sends them$/);
    expect(readFileSync(join(out, "metrics.json"), "utf8")).toContain('"lastAccuracy"');
    failures = 0;
    expect(await play(out, ["mlflow"], { resume: true })).toEqual([]);
    const sent = JSON.parse(readFileSync(join(out, "mlflow.json"), "utf8")).sent;
    expect(sent).toBeGreaterThanOrEqual(
      readFileSync(join(out, "events.jsonl"), "utf8").trimEnd().split("\n").length - 1,
    );
  }, 90_000);
});
