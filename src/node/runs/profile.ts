/** @file Profiles a run: spans of ours and ONNX Runtime's own times of operators, on one clock. */
import { createReadStream, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromeTrace, type OperatorEvent, type OperatorTime, profilePage } from "../../report/profile.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { graphSpan, tracedRuntime } from "../../train/traced.ts";
import { type Span, Tracer } from "../../train/tracer.ts";
import { writeWhole } from "../files/write.ts";
import { RUN_FILE } from "../files/write-errors.ts";
import { type NodeRuntimeOptions, nodeRuntime } from "../runtime/runtime.ts";

/** Runs of each graph whose single operators go into the Chrome trace: more would make it too large to open. */
const TRACED_RUNS = 10;

/** What is used here of ONNX Runtime's profile: JSON, one event a line, times in microseconds of its own clock. */
interface RuntimeEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args: {
    readonly op_name?: string;
    readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
  };
}

/** One run's profile: hand its trace and its runtime to the run, then write it. */
export class Profile {
  readonly trace = new Tracer();
  readonly #folder: string;
  readonly #began = performance.now();
  readonly #graphs: string[] = [];

  /** @param folder of the run; ONNX Runtime's files lie there until `write` has read them */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A runtime that is profiled. */
  runtime(options: NodeRuntimeOptions): Runtime {
    for (const { file } of this.#runtimeFiles()) rmSync(file); // of a run that was killed
    const { name, threads } = nodeRuntime(options);
    return tracedRuntime(
      { name, threads },
      (number, graph, unchanging) => {
        const [first, ...others] = Object.keys(graph.outputs);
        const more = others.length === 0 ? "" : ` and ${others.length} more`;
        this.#graphs.push(`${graphSpan(number)} gives "${first}"${more}`);
        const profilePrefix = join(this.#folder, runtimePrefix(number));
        return nodeRuntime({ ...options, profilePrefix }).compile(graph, unchanging);
      },
      this.trace,
    );
  }

  /** Writes profile.trace.json and profile.md once all sessions are disposed; returns their paths. */
  async write(): Promise<{ trace: string; page: string }> {
    const milliseconds = performance.now() - this.#began;
    const { spans } = this.trace;
    const operators = new Map<string, OperatorTime>();
    const events: OperatorEvent[] = [];
    const notes = [`In the order in which they were compiled, ${this.#graphs.join("; ")}.`];
    for (const { graph, file } of this.#runtimeFiles()) {
      const runs = spans.filter(({ path }) => path.at(-1) === graphSpan(graph));
      const read = await readRuntimeProfile(file, runs, operators);
      events.push(...read.events);
      // ONNX Runtime stops at a million events.
      if (read.runs < runs.length)
        notes.push(
          `Operators of ${graphSpan(graph)} are of its first ${read.runs} runs out of ${runs.length}.`,
        );
      rmSync(file);
    }
    const report = { milliseconds, spans, operators: [...operators.values()], notes };
    const files = {
      trace: join(this.#folder, "profile.trace.json"),
      page: join(this.#folder, "profile.md"),
    };
    await writeWhole(files.trace, chromeTrace(spans, events, this.#began), RUN_FILE);
    await writeWhole(files.page, profilePage(report), RUN_FILE);
    return files;
  }

  #runtimeFiles(): { graph: number; file: string }[] {
    if (!existsSync(this.#folder)) return [];
    return readdirSync(this.#folder).flatMap((name) => {
      const graph = /^profile\.graph-(\d+)_.*\.json$/.exec(name)?.[1];
      return graph === undefined ? [] : [{ graph: Number(graph), file: join(this.#folder, name) }];
    });
  }
}

const runtimePrefix = (graph: number): string => `profile.graph-${graph}`;

/**
 * Adds a session's operators to `operators`, each in the phase of its run.
 * @param spans the session's runs, in order
 * @returns how many runs the file has, and the operators of the first ones on our clock
 */
async function readRuntimeProfile(
  file: string,
  spans: readonly Span[],
  operators: Map<string, OperatorTime>,
): Promise<{ runs: number; events: OperatorEvent[] }> {
  const traced: OperatorEvent[] = [];
  let run: RuntimeEvent[] = []; // a run's operators come before the run itself
  let runs = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (!line.startsWith("{")) continue; // the brackets around all
    const event = JSON.parse(line.replace(/,$/, "")) as RuntimeEvent;
    if (event.cat === "Node" && event.args.op_name !== undefined) run.push(event);
    if (event.name !== "model_run") continue;
    const span = spans[runs]!;
    // Both clocks see the run end at about the same time; its start is less certain.
    const offset = span.start + span.milliseconds - (event.ts + event.dur) / 1000;
    for (const each of run) {
      add(operators, each, span.path[0]!);
      if (runs < TRACED_RUNS) traced.push(onOurClock(each, offset));
    }
    run = [];
    runs++;
  }
  return { runs, events: traced };
}

function add(operators: Map<string, OperatorTime>, event: RuntimeEvent, phase: string): void {
  const operator = event.args.op_name!;
  const shapes = shapesOf(event);
  const key = `${phase} ${operator} ${shapes}`;
  const { milliseconds, calls } = operators.get(key) ?? { milliseconds: 0, calls: 0 };
  const sums = { milliseconds: milliseconds + event.dur / 1000, calls: calls + 1 };
  operators.set(key, { operator, shapes, phase, ...sums });
}

function onOurClock(event: RuntimeEvent, offset: number): OperatorEvent {
  return {
    name: event.name.replace(/_kernel_time$/, ""),
    operator: event.args.op_name!,
    shapes: shapesOf(event),
    start: event.ts / 1000 + offset,
    milliseconds: event.dur / 1000,
  };
}

const shapesOf = ({ args }: RuntimeEvent): string =>
  (args.input_type_shape ?? []).flatMap((input) => Object.values(input).map((dims) => `[${dims}]`)).join(" ");
