/** @file MLflow's REST interface: what a run's logger needs of it. */
import type { Scalar } from "../../run/logger.ts";

/** Where the server is, and who we are there: from the environment, as MLflow's own clients have it. */
export interface MlflowSettings {
  /** Without user and password. */
  readonly uri: string;
  readonly experiment: string;
  /** The header; undefined for a server that asks for none. */
  readonly authorization: string | undefined;
}

/** A number with its time in milliseconds. */
export interface TimedScalar extends Scalar {
  readonly time: number;
}

/** A server that answers, but not as it should: another try would end the same. */
export class MlflowRefusalError extends Error {
  override readonly name = "MlflowRefusalError";
}

/** Longest a server is waited for. */
const TIMEOUT = 10_000;
/** What one request may hold. */
const MOST_METRICS = 1000;
const MOST_PARAMETERS = 100;
/** Servers before 2.9 take no more. */
const LONGEST_PARAMETER = 500;

/** One server. */
export class MlflowClient {
  readonly #settings: MlflowSettings;

  constructor(settings: MlflowSettings) {
    this.#settings = settings;
  }

  /** Begins a run in the experiment, which is made if need be. Returns its id. */
  async createRun(name: string, time: number): Promise<string> {
    const experiment_id = await this.#experiment();
    const tags = [{ key: "mlflow.source.name", value: "fm-lora" }];
    const answer = await this.#post<{ run: { info: { run_id: string } } }>("runs/create", {
      experiment_id,
      start_time: time,
      run_name: name,
      tags,
    });
    return answer.run.info.run_id;
  }

  /** Whether the server still has the run. */
  async hasRun(run: string): Promise<boolean> {
    const answer = await this.#request("GET", `api/2.0/mlflow/runs/get?run_id=${encodeURIComponent(run)}`);
    if (answer.ok || answer.status === 404) return answer.ok;
    throw await refusalOf(answer);
  }

  async logParameters(
    run: string,
    settings: readonly (readonly [name: string, text: string])[],
  ): Promise<void> {
    const params = settings.map(([key, value]) => ({ key, value: value.slice(0, LONGEST_PARAMETER) }));
    for (const part of parts(params, MOST_PARAMETERS)) {
      await this.#post("runs/log-batch", { run_id: run, params: part });
    }
  }

  async logMetrics(run: string, scalars: readonly TimedScalar[]): Promise<void> {
    const metrics = scalars.map(({ name, step, value, time }) => ({
      key: name,
      step,
      value,
      timestamp: time,
    }));
    for (const part of parts(metrics, MOST_METRICS)) {
      await this.#post("runs/log-batch", { run_id: run, metrics: part });
    }
  }

  async setStatus(
    run: string,
    status: "RUNNING" | "FINISHED" | "FAILED" | "KILLED",
    time?: number,
  ): Promise<void> {
    await this.#post("runs/update", {
      run_id: run,
      status,
      ...(time === undefined ? {} : { end_time: time }),
    });
  }

  /** @throws MlflowRefusalError where the server keeps artifacts elsewhere */
  async uploadArtifact(run: string, name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const answer = await this.#request("GET", `api/2.0/mlflow/runs/get?run_id=${encodeURIComponent(run)}`);
    if (!answer.ok) throw await refusalOf(answer);
    const { run: found } = (await answer.json()) as { run: { info: { artifact_uri: string } } };
    const path = /^mlflow-artifacts:(?:\/\/[^/]*)?\/(.*)$/.exec(found.info.artifact_uri)?.[1];
    if (path === undefined) {
      throw new MlflowRefusalError(
        "the server does not take artifacts itself; start it with --serve-artifacts",
      );
    }
    const to = `api/2.0/mlflow-artifacts/artifacts/${path}/${encodeURIComponent(name)}`;
    const put = await this.#request("PUT", to, bytes, "application/octet-stream");
    if (!put.ok) throw await refusalOf(put);
  }

  async #experiment(): Promise<string> {
    const { experiment: name } = this.#settings;
    const byName = async (): Promise<string | undefined> => {
      const path = `api/2.0/mlflow/experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`;
      const answer = await this.#request("GET", path);
      if (answer.ok)
        return ((await answer.json()) as { experiment: { experiment_id: string } }).experiment.experiment_id;
      if (answer.status === 404) return undefined;
      throw await refusalOf(answer);
    };
    const known = await byName();
    if (known !== undefined) return known;
    try {
      return (await this.#post<{ experiment_id: string }>("experiments/create", { name })).experiment_id;
    } catch (error) {
      const made = await byName(); // another cell of the grid was faster
      if (made === undefined) throw error;
      return made;
    }
  }

  async #post<Answer>(method: string, body: object): Promise<Answer> {
    const answer = await this.#request(
      "POST",
      `api/2.0/mlflow/${method}`,
      JSON.stringify(body),
      "application/json",
    );
    if (!answer.ok) throw await refusalOf(answer);
    return (await answer.json()) as Answer;
  }

  async #request(
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer>,
    type?: string,
  ): Promise<Response> {
    const { uri, authorization } = this.#settings;
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new Error(`no answer in ${TIMEOUT / 1000} s`)), TIMEOUT);
    try {
      return await fetch(`${uri}/${path}`, {
        method,
        headers: {
          ...(type === undefined ? {} : { "content-type": type }),
          ...(authorization === undefined ? {} : { authorization }),
        },
        ...(body === undefined ? {} : { body }),
        signal: controller.signal,
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Refused for good, or an error that may pass. */
async function refusalOf(answer: Response): Promise<Error> {
  const text = (await answer.text().catch(() => "")).slice(0, 300).replaceAll(/\s+/g, " ");
  const message = `HTTP ${answer.status} ${text}`.trim();
  const passes = answer.status >= 500 || answer.status === 429 || answer.status === 408;
  return passes ? new Error(message) : new MlflowRefusalError(message);
}

function parts<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, k) =>
    items.slice(k * size, (k + 1) * size),
  );
}
