/** @file The queue that cells wait in: BullMQ on Redis, Valkey or PostgreSQL, loaded where it is asked for. */
import { createRequire } from "node:module";
import { setTimeout as wait } from "node:timers/promises";
import type { Job, Queue, Worker, WorkerOptions } from "bullmq";
import { InputError } from "../../tensor/errors.ts";

/** A cell on its way: nothing but what makes it that cell. */
export interface CellJob {
  readonly id: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** What comes back: the texts of the run's files, so that no folder need be shared. */
export interface CellResult {
  readonly metrics: string;
  readonly config: string;
  readonly seconds: number;
}

/** A queue of cells. */
export type CellQueue = Queue<CellJob, CellResult>;
/** A cell in the queue. */
export type QueuedCell = Job<CellJob, CellResult>;
/** What takes cells out of it. */
export type CellWorker = Worker<CellJob, CellResult>;

/** A queue that can be reached. */
export interface QueueConnection {
  queue(): CellQueue;
  worker(
    process: (job: QueuedCell, token: string | undefined) => Promise<CellResult>,
    options: Omit<WorkerOptions, "connection">,
  ): CellWorker;
  /** Where it is, without what is secret. */
  readonly place: string;
}

/** What a queue and a worker have in common. */
interface Client {
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

/** Between two tries to reach a server. */
const RECONNECT = 1_000;
/** What a server says to those it does not let in, or that name a database it hasn't: waiting would not help. */
const REFUSALS = /^(28|3D)|WRONGPASS|NOAUTH/;

/**
 * A client whose server has answered once. BullMQ's for PostgreSQL keep a first failure for good (6.7: every later
 * query fails with it, a worker's loop without a pause), so a new one is made until the server is there.
 * @param tell hears once that the server does not answer
 * @throws InputError where the server refuses
 */
export async function reached<Reached extends Client>(
  make: () => Reached,
  place: string,
  tell: (line: string) => void,
): Promise<Reached> {
  for (let told = false; ; told = true) {
    const client = make();
    try {
      await client.waitUntilReady();
      return client;
    } catch (error) {
      await client.close().catch(() => {}); // it was never open
      const { message, code = "" } = error as NodeJS.ErrnoException;
      if (REFUSALS.test(code) || REFUSALS.test(message)) {
        throw new InputError(`the queue at ${place} refuses: ${message}`, { cause: error });
      }
      if (!told) tell(`the queue at ${place} does not answer (${message || code}); waiting for it`);
      await wait(RECONNECT);
    }
  }
}

const URL_VARIABLE = "FMLORA_QUEUE";
const PASSWORD_VARIABLE = "FMLORA_QUEUE_PASSWORD";
const DRIVERS = { redis: "ioredis", postgres: "pg" } as const;
const PORTS = { redis: 6379, postgres: 5432 } as const;
const EXPECTED = "expected redis://HOST[:PORT][/DATABASE], rediss:// or postgres://HOST[:PORT]/DATABASE";

/** Where a queue is, and who we are there. */
interface Place {
  readonly kind: "redis" | "postgres";
  readonly url: URL;
  readonly password: string | undefined;
}

/**
 * Loads what speaks to a queue; connections are made by what uses it.
 * @param given what was typed; else FMLORA_QUEUE counts
 * @throws InputError if it is no such URL, has a password, or a package is missing
 */
export async function connectQueue(given: string | undefined, name: string): Promise<QueueConnection> {
  const { kind, url, password } = placeOf(given);
  for (const needed of ["bullmq", DRIVERS[kind]]) requireInstalled(needed, kind);
  const bullmq = await import("bullmq");
  const place = `${url.protocol}//${url.host}${url.pathname}`;
  const server = { host: decodeURIComponent(url.hostname), port: Number(url.port || PORTS[kind]) };
  const user = url.username === "" ? {} : { user: decodeURIComponent(url.username) };
  const secret = password === undefined ? {} : { password };
  const path = decodeURIComponent(url.pathname.slice(1));
  if (kind === "redis") {
    const connection = {
      ...server,
      ...secret,
      ...(user.user === undefined ? {} : { username: user.user }),
      ...(path === "" ? {} : { db: Number(path) }),
      ...(url.protocol === "rediss:" ? { tls: {} } : {}),
    };
    const prefix = "fmlora";
    return {
      place,
      queue: () => new bullmq.Queue(name, { connection, prefix }),
      worker: (process, options) => new bullmq.Worker(name, process, { ...options, connection, prefix }),
    };
  }
  const ssl = url.searchParams.get("sslmode");
  const connection = {
    ...server,
    ...user,
    ...secret,
    ...(path === "" ? {} : { database: path }),
    ...(ssl === null || ssl === "disable" ? {} : { ssl: { rejectUnauthorized: ssl.startsWith("verify") } }),
    migrate: true,
  };
  const { Queue, Worker } = bullmq.withBackend(bullmq.createPostgresBackend);
  return {
    place,
    // The same classes on another backend, which their types tell apart.
    queue: () => new Queue(name, { connection }) as unknown as CellQueue,
    worker: (process, options) =>
      new Worker(name, process, { ...options, connection }) as unknown as CellWorker,
  };
}

/** The URL, with a password from the environment only: what is typed stands in logs and lists of processes. */
function placeOf(given: string | undefined): Place {
  const text = given ?? process.env[URL_VARIABLE];
  if (text === undefined || text === "") {
    throw new InputError(`--queue is missing: ${EXPECTED}; or set ${URL_VARIABLE}`);
  }
  const source = given === undefined ? URL_VARIABLE : "--queue";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const kind = kindOf(url?.protocol);
  if (url === undefined || kind === undefined || url.hostname === "") {
    throw new InputError(`${source}: ${EXPECTED}`); // not what was given: a secret may be in it
  }
  if (kind === "redis" && !/^\/?\d*$/.test(url.pathname)) {
    throw new InputError(`${source}: the database of Redis is a number, as in redis://HOST/0`);
  }
  if (given !== undefined && url.password !== "") {
    throw new InputError(
      `--queue: leave the password out and set ${PASSWORD_VARIABLE}; what is typed stands in lists of processes`,
    );
  }
  const own = url.password === "" ? undefined : decodeURIComponent(url.password);
  return { kind, url, password: own ?? process.env[PASSWORD_VARIABLE] };
}

function kindOf(protocol: string | undefined): Place["kind"] | undefined {
  if (protocol === "redis:" || protocol === "rediss:" || protocol === "valkey:") return "redis";
  return protocol === "postgres:" || protocol === "postgresql:" ? "postgres" : undefined;
}

/** Few users need these, so they are not installed with fm-lora. @throws InputError that says what installs them */
function requireInstalled(name: string, kind: Place["kind"]): void {
  try {
    createRequire(import.meta.url).resolve(name);
  } catch (error) {
    throw new InputError(
      `--queue: the package ${name} is not installed; npm install bullmq ${DRIVERS[kind]} brings what a queue needs`,
      { cause: error },
    );
  }
}
