/** @file Servers that tests start for themselves on loopback, each on a free port, and stop again. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** Where .ci/run puts a Python with MLflow and TensorBoard. */
const PYTHON_ENVIRONMENT = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"),
  "fm-lora/trackers-env/bin/python",
);
/** Longest that a server may take to start on a busy machine. */
const PATIENCE = 120_000;

/** Redis or Valkey. */
export const REDIS = found("redis-server") ?? found("valkey-server");
/** PostgreSQL, outside the path as Debian has it. */
export const POSTGRES = found("postgres", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/17/bin");
const INITDB = POSTGRES?.replace(/postgres$/, "initdb");
/** A Python with MLflow and TensorBoard. */
export const TRACKERS_PYTHON =
  process.env.FMLORA_TRACKERS_PYTHON ?? (existsSync(PYTHON_ENVIRONMENT) ? PYTHON_ENVIRONMENT : undefined);

/** Whether a service is missing, which is said loudly; CI must have all. */
export function missing(what: string, there: string | undefined, command: string): boolean {
  if (there !== undefined) return false;
  const line = `SKIPPED: tests with ${what}: it is not here; ${command} brings it`;
  if (process.env.CI === "true") throw new Error(line);
  console.warn(line);
  return true;
}

/** A program on the path, or in one of the folders. */
export function found(name: string, ...folders: readonly string[]): string | undefined {
  const places = [...(process.env.PATH ?? "").split(delimiter), ...folders];
  return places.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** A port that nobody has right now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A server that can be killed and started again on its data. */
export class Service {
  readonly port: number;
  readonly #start: () => ChildProcess;
  readonly #answers: () => Promise<boolean>;
  #child: ChildProcess | undefined;

  constructor(port: number, start: () => ChildProcess, answers: () => Promise<boolean>) {
    this.port = port;
    this.#start = start;
    this.#answers = answers;
  }

  /** A server that was killed may refuse at first: processes of its own still have its data. */
  async start(): Promise<this> {
    const end = Date.now() + PATIENCE;
    let said = "";
    let child: ChildProcess | undefined;
    while (child === undefined || !(await this.#answers().catch(() => false))) {
      if (Date.now() > end) throw new Error(`the server does not start: ${said}`);
      if (child === undefined || child.exitCode !== null) {
        child = this.#start();
        child.stderr?.on("data", (text) => {
          said = `${said}${text}`.slice(-2000);
        });
        this.#child = child;
      }
      await wait(100);
    }
    return this;
  }

  /** Ends it as a power cut would. */
  kill(): Promise<void> {
    return this.stop("SIGKILL");
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }
}

/** Redis that keeps what it was told: every write is on the disk before it is answered. */
export async function redis(folder: string, password?: string): Promise<Service> {
  const port = await freePort();
  mkdirSync(folder, { recursive: true });
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${folder}`,
    "appendonly yes",
    "appendfsync always",
    'save ""',
    ...(password === undefined ? [] : [`requirepass ${password}`]),
  ];
  writeFileSync(join(folder, "redis.conf"), lines.join("\n"));
  const start = (): ChildProcess =>
    spawn(REDIS!, [join(folder, "redis.conf")], { stdio: ["ignore", "ignore", "pipe"] });
  return new Service(port, start, () => connects(port)).start();
}

/** PostgreSQL with the database "queue" of the user "postgres"; it refuses to run as root. */
export async function postgres(folder: string, password: string): Promise<Service> {
  const port = await freePort();
  const user = process.getuid?.() === 0 ? userOf("postgres") : undefined;
  mkdirSync(folder, { recursive: true });
  const secret = join(folder, "..", "pg-password");
  writeFileSync(secret, password);
  if (user !== undefined) for (const path of [folder, secret]) chownSync(path, user.uid, user.gid);
  const initialize = [
    "-D",
    folder,
    "-U",
    "postgres",
    "-A",
    "scram-sha-256",
    `--pwfile=${secret}`,
    "--no-sync",
  ];
  execFileSync(INITDB!, initialize, { stdio: "ignore", cwd: "/", ...user });
  const options = ["-p", String(port), "-k", "", "-c", "listen_addresses=127.0.0.1"];
  const start = (): ChildProcess =>
    spawn(POSTGRES!, ["-D", folder, ...options], { stdio: ["ignore", "ignore", "pipe"], cwd: "/", ...user });
  return new Service(port, start, () => connects(port)).start();
}

/** An MLflow tracking server that keeps artifacts itself. */
export async function mlflow(folder: string): Promise<Service> {
  const port = await freePort();
  mkdirSync(folder, { recursive: true });
  const words = [
    ...["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", String(port), "--workers", "1"],
    ...[
      "--backend-store-uri",
      `sqlite:///${folder}/mlflow.db`,
      "--artifacts-destination",
      join(folder, "artifacts"),
    ],
  ];
  // A group of its own: the server's processes end together.
  const start = (): ChildProcess =>
    spawn(TRACKERS_PYTHON!, words, { stdio: ["ignore", "ignore", "pipe"], cwd: folder });
  return new Service(port, start, async () => (await fetch(`http://127.0.0.1:${port}/health`)).ok).start();
}

function userOf(name: string): { uid: number; gid: number } {
  const id = (flag: string): number => Number(execFileSync("id", [flag, name], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

async function connects(port: number): Promise<boolean> {
  const { connect } = await import("node:net");
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
