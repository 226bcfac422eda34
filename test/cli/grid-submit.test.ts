/** @file `fmlora grid submit`: the script as bash runs it, the manifest as Kubernetes' documentation has it. */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { Workplace } from "./command.ts";

const work = new Workplace();
const place = work.path;
const TABLE = `benchmark: folder
data: images
backbone: backbone
tasks: 3
method: [fm-lora, lda]
rank: 8
epochs: 3
batch-size: 4
threads: 1
`;
const NAME = "It's a table.yaml";
const LIMITS = ["--hours", "0.5", "--cpus", "2", "--retries", "1", "--out", "runs"];

beforeAll(async () => {
  await work.prepare();
  writeFileSync(join(place, NAME), TABLE);
}, 60_000);
afterAll(() => work.remove());

/** What the command prints. */
async function printed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await work.fmlora(["grid", "submit", NAME, ...LIMITS, ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

test("the Slurm script runs its cell, asks for another turn at the time limit, and then ends it", async () => {
  const script = await printed("--to", "slurm");
  expect(script.split("\n").filter((line) => line.startsWith("#SBATCH"))).toMatchInlineSnapshot(`
    [
      "#SBATCH --job-name=fmlora-it-s-a-table",
      "#SBATCH --array=0-1",
      "#SBATCH --time=30",
      "#SBATCH --mem=8G",
      "#SBATCH --cpus-per-task=2",
      "#SBATCH --signal=B:USR1@120",
      "#SBATCH --requeue",
      "#SBATCH --open-mode=append",
      "#SBATCH --output=fmlora-it-s-a-table-%A_%a.log",
    ]
  `);
  writeFileSync(join(place, "script.sh"), script);
  writeFileSync(join(place, "scontrol"), '#!/bin/sh\necho "$@" >> scontrol.log\n');
  chmodSync(join(place, "scontrol"), 0o755);

  const limited = started(0, "0");
  await until(() => cellFolders().some((id) => existsSync(join(place, "runs", id, "config.json"))));
  limited.child.kill("SIGUSR1");
  expect(await limited.code).toBe(130);
  expect(requeued()).toEqual(["requeue 7_0"]);
  const canceled = started(0, "1");
  await until(() => readdirSync(join(place, "runs", cellFolders()[0]!)).includes(".lock"));
  canceled.child.kill("SIGTERM");
  expect(await canceled.code).toBe(130);
  expect(requeued()).toEqual(["requeue 7_0"]);
  const ends = await Promise.all([0, 1].map((index) => started(index, "1").code));
  expect(ends).toEqual([0, 0]);
  expect(cellFolders().every((id) => existsSync(join(place, "runs", id, "metrics.json")))).toBe(true);
  writeFileSync(join(place, NAME), "benchmark: emojis\n");
  expect(await started(0, "0").code).toBe(2);
  expect(requeued()).toEqual(["requeue 7_0"]);
}, 120_000);

test("the Kubernetes manifest is an Indexed Job with the grid's file beside it", async () => {
  writeFileSync(join(place, NAME), TABLE);
  const manifest = await printed("--to", "kubernetes", "--image", "registry/fm-lora:1");
  const [file, job] = parseAllDocuments(manifest).map((each) => each.toJS());
  expect(file).toEqual({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "fmlora-it-s-a-table" },
    data: { "table.yaml": TABLE },
  });
  expect(job).toMatchInlineSnapshot(`
    {
      "apiVersion": "batch/v1",
      "kind": "Job",
      "metadata": {
        "name": "fmlora-it-s-a-table",
      },
      "spec": {
        "backoffLimitPerIndex": 1,
        "completionMode": "Indexed",
        "completions": 2,
        "maxFailedIndexes": 2,
        "parallelism": 2,
        "podFailurePolicy": {
          "rules": [
            {
              "action": "Ignore",
              "onPodConditions": [
                {
                  "type": "DisruptionTarget",
                },
              ],
            },
            {
              "action": "FailIndex",
              "onExitCodes": {
                "containerName": "cell",
                "operator": "In",
                "values": [
                  2,
                ],
              },
            },
          ],
        },
        "template": {
          "spec": {
            "activeDeadlineSeconds": 1800,
            "containers": [
              {
                "command": [
                  "fmlora",
                  "grid",
                  "run",
                  "/grid/table.yaml",
                  "--out",
                  "runs",
                  "--threads",
                  "2",
                ],
                "image": "registry/fm-lora:1",
                "name": "cell",
                "resources": {
                  "limits": {
                    "cpu": 2,
                    "memory": "8Gi",
                  },
                  "requests": {
                    "cpu": 2,
                    "memory": "8Gi",
                  },
                },
                "volumeMounts": [
                  {
                    "mountPath": "/grid",
                    "name": "table",
                    "readOnly": true,
                  },
                  {
                    "mountPath": "/runs",
                    "name": "runs",
                  },
                ],
                "workingDir": "/runs",
              },
            ],
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 120,
            "volumes": [
              {
                "configMap": {
                  "name": "fmlora-it-s-a-table",
                },
                "name": "table",
              },
              {
                "name": "runs",
                "persistentVolumeClaim": {
                  "claimName": "runs",
                },
              },
            ],
          },
        },
      },
    }
  `);
});

/** The script as one task of an array. */
function started(index: number, restarts: string) {
  const child = spawn("bash", ["script.sh"], {
    cwd: place,
    stdio: "ignore",
    env: {
      ...process.env,
      PATH: `${place}${delimiter}${process.env.PATH}`,
      SLURM_ARRAY_TASK_ID: String(index),
      SLURM_ARRAY_JOB_ID: "7",
      SLURM_RESTART_COUNT: restarts,
    },
  });
  return { child, code: new Promise<number | null>((resolve) => child.once("close", resolve)) };
}

function requeued(): string[] {
  const file = join(place, "scontrol.log");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

function cellFolders(): string[] {
  const runs = join(place, "runs");
  return existsSync(runs) ? readdirSync(runs).filter((name) => !name.startsWith(".")) : [];
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
