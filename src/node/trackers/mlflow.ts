/** @file `--log mlflow`: a run of a tracking server. What the server does not take waits, and the run goes on. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { RunMetrics } from "../../metrics/run-metrics.ts";
import { accuracyPicture } from "../../report/picture.ts";
import type { LogEntry, LoggedRun, RunEnd, RunLogger } from "../../run/logger.ts";
import { InputError } from "../../tensor/errors.ts";
import { chartDocument } from "../runs/chart-document.ts";
import { flatConfig } from "./flat-config.ts";
import { MlflowClient, MlflowRefusalError, type MlflowSettings, type TimedScalar } from "./mlflow-client.ts";

/** Between two sendings, and after a failure the first and the longest pause. */
const INTERVAL = 1_000;
const PAUSES = [1_000, 30_000] as const;
/** A server that does not answer at the end of a run is waited for so long. */
const PATIENCE = 15_000;
/** Told by the terminal only: the run's log has none of these, so they are not counted either. */
const TRANSIENT = ["phase", "resume", "notice"];
const STATUS = { finished: "FINISHED", stopped: "KILLED", failed: "FAILED" } as const;

/** What mlflow.json keeps: which run it is, and how many events of events.jsonl the server has. */
interface Kept {
  readonly uri: string;
  readonly run: string;
  readonly sent: number;
}

/** As MLflow's own clients read the environment. @throws InputError without a server */
export function mlflowSettings(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): MlflowSettings {
  const given = environment.MLFLOW_TRACKING_URI ?? "";
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new InputError(
      "--log mlflow: set MLFLOW_TRACKING_URI to the server, such as http://localhost:5000",
    );
  }
  const user = environment.MLFLOW_TRACKING_USERNAME ?? decodeURIComponent(url.username);
  const password = environment.MLFLOW_TRACKING_PASSWORD ?? decodeURIComponent(url.password);
  const token = environment.MLFLOW_TRACKING_TOKEN;
  const basic = user === "" ? undefined : `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  return {
    uri: `${url.protocol}//${url.host}${url.pathname}`.replace(/\/+$/, ""),
    experiment: environment.MLFLOW_EXPERIMENT_NAME ?? "fm-lora",
    authorization: basic ?? (token === undefined ? undefined : `Bearer ${token}`),
  };
}

/** Sends a run to the server in the background. @param tell hears once of a server that does not answer */
export const mlflowLogger = (
  run: LoggedRun,
  settings: MlflowSettings,
  tell: (line: string) => void,
): RunLogger => new MlflowLogger(run, settings, tell);

class MlflowLogger implements RunLogger {
  readonly #run: LoggedRun;
  readonly #settings: MlflowSettings;
  readonly #client: MlflowClient;
  readonly #tell: (line: string) => void;
  readonly #file: string;
  readonly #waiting: LogEntry[];
  readonly #sending: Promise<void>;
  readonly #closing = new AbortController();
  #kept: Kept | undefined;
  #end: RunEnd | undefined;
  #deadline = Number.POSITIVE_INFINITY;
  #told = false;

  constructor(run: LoggedRun, settings: MlflowSettings, tell: (line: string) => void) {
    this.#run = run;
    this.#settings = settings;
    this.#client = new MlflowClient(settings);
    this.#tell = tell;
    this.#file = join(run.out, "mlflow.json");
    this.#kept = this.#known();
    this.#waiting = run.history.slice(this.#kept?.sent ?? 0);
    this.#sending = this.#send();
  }

  log(entry: LogEntry): void {
    if (!TRANSIENT.includes(entry.event.type)) this.#waiting.push(entry);
  }

  async close(end: RunEnd): Promise<void> {
    this.#end = end;
    this.#deadline = Date.now() + PATIENCE;
    this.#closing.abort();
    await this.#sending;
  }

  /** The run that an earlier process began on this server. */
  #known(): Kept | undefined {
    if (!existsSync(this.#file)) return undefined;
    const kept = JSON.parse(readFileSync(this.#file, "utf8")) as Kept;
    if (kept.uri !== this.#settings.uri) return undefined;
    return { ...kept, sent: Math.min(kept.sent, this.#run.history.length) };
  }

  async #send(): Promise<void> {
    try {
      const run = await this.#trying(() => this.#begin());
      for (;;) {
        const last = this.#end !== undefined;
        await this.#trying(() => this.#sendWaiting(run));
        if (last) break;
        await this.#pause(INTERVAL);
      }
      await this.#trying(() => this.#finish(run));
    } catch (error) {
      const reason = error instanceof MlflowRefusalError ? ` (${error.message})` : "";
      const left = `${this.#waiting.length} events of the run are not there${reason}`;
      this.#tell(`--log mlflow: ${this.#settings.uri}: ${left}; the same command with --resume sends them`);
    }
  }

  /** Tries until it is done; once a run has ended, until its deadline. @throws for a refusal, and at the deadline */
  async #trying<T>(action: () => Promise<T>): Promise<T> {
    for (let pause: number = PAUSES[0]; ; pause = Math.min(2 * pause, PAUSES[1])) {
      try {
        return await action();
      } catch (error) {
        if (error instanceof MlflowRefusalError || Date.now() + pause > this.#deadline) throw error;
        if (!this.#told) {
          this.#tell(
            `--log mlflow: ${this.#settings.uri} does not answer (${reasonOf(error)}); what is logged waits`,
          );
        }
        this.#told = true;
        await this.#pause(pause);
      }
    }
  }

  /** The end of a run is not waited for; after it, pauses are what they are. */
  async #pause(milliseconds: number): Promise<void> {
    if (this.#end !== undefined) return wait(milliseconds);
    await wait(milliseconds, undefined, { signal: this.#closing.signal }).catch(() => {});
  }

  async #begin(): Promise<string> {
    const known = this.#kept?.run;
    if (known !== undefined && (await this.#client.hasRun(known))) {
      await this.#client.setStatus(known, "RUNNING");
      return known;
    }
    if (known !== undefined) this.#waiting.unshift(...this.#run.history.slice(0, this.#kept!.sent));
    const { config } = this.#run;
    const name = `${config.method} ${config.benchmark} seed ${config.seed}`;
    const run = await this.#client.createRun(name, this.#waiting[0]?.time ?? Date.now());
    this.#keep({ uri: this.#settings.uri, run, sent: 0 });
    await this.#client.logParameters(run, flatConfig(config));
    return run;
  }

  async #sendWaiting(run: string): Promise<void> {
    const count = this.#waiting.length;
    const scalars = this.#waiting
      .slice(0, count)
      .flatMap(({ time, scalars }) => scalars.map((scalar): TimedScalar => ({ ...scalar, time })));
    await this.#client.logMetrics(run, scalars);
    if (count === 0) return;
    this.#waiting.splice(0, count);
    this.#keep({ ...this.#kept!, sent: this.#kept!.sent + count });
  }

  async #finish(run: string): Promise<void> {
    if (this.#end === "finished") {
      const metrics = JSON.parse(readFileSync(join(this.#run.out, "metrics.json"), "utf8")) as RunMetrics;
      const files = ["report.html", "metrics.json", "config.json"].map(
        (name) => [name, readFileSync(join(this.#run.out, name))] as const,
      );
      for (const [name, bytes] of [
        ...files,
        ["accuracy.svg", Buffer.from(accuracyPicture(chartDocument(), metrics))] as const,
      ]) {
        await this.#client.uploadArtifact(run, name, Uint8Array.from(bytes));
      }
    }
    await this.#client.setStatus(run, STATUS[this.#end!], Date.now());
  }

  #keep(kept: Kept): void {
    this.#kept = kept;
    writeFileSync(this.#file, `${JSON.stringify(kept)}\n`);
  }
}

/** fetch hides the reason in its cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return code ?? message;
}
