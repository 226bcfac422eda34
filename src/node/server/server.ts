/** @file Models over HTTP. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import { duration } from "../../report/format.ts";
import { InputError, optionText } from "../../tensor/errors.ts";
import { serverApp } from "./app.ts";
import { checkAccess } from "./guard.ts";
import { Jobs, type JobView } from "./jobs.ts";
import { Measures } from "./measures.ts";
import { Models } from "./models.ts";
import { type ServerOptions, type ServerSettings, serverSettings } from "./settings.ts";

/** A server that is at work. */
export interface RunningServer {
  /** Where it is: "http://127.0.0.1:8080". */
  readonly url: string;
  /**
   * Takes no further requests, waits for those and the jobs that are at work, as long as `grace` says, and cancels what
   * is left then: its models stay as they were.
   */
  close(): Promise<void>;
  /** Cancels everything at once. */
  kill(): Promise<void>;
}

/**
 * Serves the models of a folder.
 * @throws InputError for an address that can't be used, or one that other machines reach without a token
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const settings = serverSettings(options);
  checkAccess(settings);
  prepare(settings);
  const measures = new Measures();
  const models = new Models(settings, measures);
  const jobs = new Jobs(settings.jobs, (job) => {
    measures.job(job.status);
    settings.onNotice(jobLine(job));
  });
  let stopping = false;
  const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const app = serverApp({ settings, models, jobs, measures, version, isStopping: () => stopping });
  for (const name of models.unnamable()) {
    settings.onNotice(
      `model ${JSON.stringify(name)} is left out: no address can have its name; rename the folder`,
    );
  }
  const server = await listening(settings, app.fetch);
  const { port } = server.address() as { port: number };
  const host = settings.host.includes(":") ? `[${settings.host.replace(/^\[|\]$/g, "")}]` : settings.host;

  let ending: Promise<void> | undefined;
  const kill = async (): Promise<void> => {
    stopping = true;
    for (const job of jobs.open) job.cancel();
    await Promise.all(jobs.open.map((job) => new Promise((resolve) => job.once("change", resolve))));
    server.closeAllConnections();
    await models.close();
  };
  return {
    url: `http://${host}:${port}`,
    kill,
    close() {
      ending ??= (async () => {
        stopping = true;
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        server.closeIdleConnections();
        const patience = setTimeout(kill, settings.grace * 1000);
        while (jobs.open.length > 0) {
          await new Promise((resolve) => jobs.open[0]!.once("change", resolve));
        }
        server.closeIdleConnections();
        await closed;
        clearTimeout(patience);
        await models.close();
      })();
      return ending;
    },
  };
}

/** @throws InputError for a folder that can't be */
function prepare({ folder, readOnly }: ServerSettings): void {
  if (existsSync(folder)) return;
  if (readOnly) {
    throw new InputError(`${folder}: no such folder; expected one with a folder for each model`);
  }
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new InputError(
      `${folder}: can't be made: ${(error as Error).message}; choose another ${optionText("models")}`,
      {
        cause: error,
      },
    );
  }
}

function listening(
  { host, port }: ServerSettings,
  fetch: Parameters<typeof serve>[0]["fetch"],
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname: host.replace(/^\[|\]$/g, ""), port }, () =>
      resolve(server),
    ) as Server;
    server.once("error", (error: NodeJS.ErrnoException) => {
      const reasons: Readonly<Record<string, string>> = {
        EADDRINUSE: "another program is there; choose another port (0: any free one)",
        EACCES: "no permission; choose a port above 1023",
        EADDRNOTAVAIL: "this machine has no such address",
        ENOTFOUND: "no such host",
      };
      reject(
        new InputError(`${host}:${port}: ${reasons[error.code ?? ""] ?? error.message}`, { cause: error }),
      );
    });
  });
}

function jobLine({ model, status, result, error }: JobView): string {
  if (result !== null) {
    const { images, seconds, reason } = result;
    return `model ${model}: learned ${images} images in ${duration(seconds)}; ${reason}`;
  }
  return `model ${model}: learning ${status}${error === null ? "" : `: ${error}`}`;
}
