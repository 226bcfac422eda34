/** @file A grid as a job of someone's cluster: a script or a manifest to read, to change and to hand in. */
import { stringify } from "yaml";
import { InputError } from "../../tensor/errors.ts";
import { commandWords } from "./cell-process.ts";

/** Where jobs are handed in. */
export const CLUSTERS = ["slurm", "kubernetes"] as const;
/** A kind of cluster. */
export type Cluster = (typeof CLUSTERS)[number];

/** What a cell may take, and what it is started with. */
export interface Submission {
  /** Of the grid's file. */
  readonly table: string;
  readonly text: string;
  readonly cells: number;
  readonly out: string;
  /** Cells at a time; undefined: as many as the cluster has room for. */
  readonly jobs: number | undefined;
  readonly hours: number;
  /** GiB. */
  readonly memory: number;
  readonly cpus: number;
  /** How often a cell is begun again that died or met the time limit. */
  readonly retries: number;
  /** Kubernetes: the container with fm-lora, and the claim whose volume keeps the runs. */
  readonly image: string;
  readonly claim: string;
}

/** Seconds between the signal and the end: enough for the step at work and the process's end. */
const GRACE = 120;

/** The text to hand in. */
export const submissionFor = (cluster: Cluster, submission: Submission): string =>
  cluster === "slurm" ? slurmScript(submission) : kubernetesManifest(submission);

function slurmScript(submission: Submission): string {
  const { cells, jobs, hours, memory, cpus, retries, table } = submission;
  const minutes = Math.ceil(60 * hours);
  return `#!/bin/bash
# ${cells} cells of ${oneLine(table)}; hand it in with: sbatch THIS_FILE
# Where a cluster takes fewer indices at once (MaxArraySize, often 1001), hand it in with --array=0-999, and so on.
#SBATCH --job-name=${nameOf(table)}
#SBATCH --array=0-${cells - 1}${jobs === undefined ? "" : `%${jobs}`}
#SBATCH --time=${minutes}
#SBATCH --mem=${memory}G
#SBATCH --cpus-per-task=${cpus}
#SBATCH --signal=B:USR1@${GRACE}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=${nameOf(table)}-%A_%a.log

# SLURM_ARRAY_TASK_ID says which cell. A cell that is done ends at once; one that was cut resumes from its checkpoint.
${[process.execPath, ...commandWords(), ...wordsOf(submission)].map(quoted).join(" ")} &
cell=$!
limit=0
trap 'limit=1; kill -USR1 "$cell"' USR1
trap 'kill -TERM "$cell"' TERM
wait "$cell"
code=$?
while kill -0 "$cell" 2>/dev/null; do # a signal ends the first wait before the cell has ended
  wait "$cell"
  code=$?
done

# Again after the time limit and where the process died; not where it was canceled (130), nor for a mistake (2).
case "$code" in
  0 | 2) ;;
  130) again=$limit ;;
  *) again=1 ;;
esac
if [ "\${again:-0}" -eq 1 ] && [ "\${SLURM_RESTART_COUNT:-0}" -lt ${retries} ]; then
  scontrol requeue "\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}"
fi
exit "$code"
`;
}

function kubernetesManifest(submission: Submission): string {
  const { table, text, cells, jobs, hours, memory, cpus, retries, image, claim } = submission;
  const name = nameOf(table);
  const mounted = "/grid/table.yaml";
  const file = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { "table.yaml": text } };
  const container = {
    name: "cell",
    image,
    command: ["fmlora", ...wordsOf({ ...submission, table: mounted })],
    workingDir: "/runs",
    resources: {
      requests: { cpu: cpus, memory: `${memory}Gi` },
      limits: { cpu: cpus, memory: `${memory}Gi` },
    },
    volumeMounts: [
      { name: "table", mountPath: "/grid", readOnly: true },
      { name: "runs", mountPath: "/runs" },
    ],
  };
  const job = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name },
    spec: {
      completionMode: "Indexed",
      completions: cells,
      parallelism: Math.min(jobs ?? cells, cells),
      backoffLimitPerIndex: retries,
      maxFailedIndexes: cells, // one failure stops nothing
      podFailurePolicy: {
        rules: [
          // A node that goes, or a pod that is moved, is no failure of the cell; a mistake in the file stays one.
          { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget" }] },
          { action: "FailIndex", onExitCodes: { containerName: "cell", operator: "In", values: [2] } },
        ],
      },
      template: {
        spec: {
          restartPolicy: "Never",
          terminationGracePeriodSeconds: GRACE,
          activeDeadlineSeconds: Math.ceil(3600 * hours),
          containers: [container],
          volumes: [
            { name: "table", configMap: { name } },
            { name: "runs", persistentVolumeClaim: { claimName: claim } },
          ],
        },
      },
    },
  };
  const head = `# ${cells} cells of ${oneLine(table)}; hand it in with: kubectl apply -f THIS_FILE\n# JOB_COMPLETION_INDEX says which cell. All pods write the claim's volume (ReadWriteMany).\n`;
  return `${head}${stringify(file)}---\n${stringify(job)}`;
}

const wordsOf = ({ table, out, cpus }: Submission): string[] => [
  ...["grid", "run", table],
  ...["--out", out, "--threads", String(cpus)],
];

/** A name that both kinds of cluster take. @throws InputError if the file's name has no letter or digit */
function nameOf(table: string): string {
  const base = table.replace(/^.*[/\\]/, "").replace(/\.ya?ml$/i, "");
  const name = base
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 50);
  if (name !== "") return `fmlora-${name}`;
  throw new InputError(`${table}: a job is named after its file; give it a name with letters or digits`);
}

/** A word as a shell reads it back. */
const quoted = (word: string): string =>
  /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ");
