/**
 * @file `fmlora serve` under load on this machine, beside a plain FastAPI and PyTorch server of the same network.
 *
 *     npm run bench -- http [--python PYTHON] [--quick] [--rounds N] [--threads N] [--out FILE]
 *
 * PYTHON has torch, transformers, pillow, fastapi, uvicorn and python-multipart. Servers take turns; each request is a form
 * with one photo. All requests go to 127.0.0.1.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import autocannon from "autocannon";
import sharp from "sharp";
import { SHIPPED_BACKBONES } from "../src/node/backbones/backbones.ts";
import { runBenchmark } from "../src/node/runs/run.ts";
import { nodeRuntime } from "../src/node/runtime/runtime.ts";
import { inTemporaryFolder } from "./measure.ts";
import { benchOptions, pythonWith } from "./options.ts";
import { type CaseResult, conclude, ratio, rounded } from "./result.ts";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const BACKBONE = SHIPPED_BACKBONES[0];
const CLASSES = 10;
const PACKAGES = ["torch", "transformers", "pillow", "fastapi", "uvicorn", "python-multipart"];
/** Clients that ask at the same time. */
const LOADS = [1, 8, 32];
const BOUNDARY = "----photo";

interface Side {
  readonly name: string;
  readonly url: string;
  readonly child: ChildProcess;
}

/** A photo as a form, as clients send it. */
async function photoForm(): Promise<Buffer> {
  const [width, height] = [256, 256];
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) =>
    Math.round(127 + 80 * Math.sin(i / 300) + 40 * Math.sin(i / 7)),
  );
  const jpeg = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer();
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="images"; filename="1.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), jpeg, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
}

/** Milliseconds of each request, sorted, and requests a second. @throws if one isn't answered with 200 */
async function load(url: string, body: Buffer, connections: number, amount: number) {
  const milliseconds: number[] = [];
  const statuses = new Map<number, number>();
  const began = performance.now();
  let last = began; // autocannon itself ends with a whole second
  await new Promise<void>((resolve, reject) => {
    const instance = autocannon(
      {
        url,
        connections,
        amount,
        method: "POST",
        body,
        headers: { "content-type": `multipart/form-data; boundary=${BOUNDARY}` },
      },
      (error) => (error ? reject(error) : resolve()),
    );
    instance.on("response", (_client, status, _bytes, time) => {
      last = performance.now();
      milliseconds.push(time);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    });
  });
  const seconds = (last - began) / 1000;
  if (statuses.get(200) !== amount) {
    throw new Error(`${url}: of ${amount} requests these were answered: ${JSON.stringify([...statuses])}`);
  }
  return { milliseconds: milliseconds.sort((a, b) => a - b), perSecond: amount / seconds };
}

/** Resident memory of a process and all below it, in MiB, as /proc tells. */
function residentMiB(pid: number): number {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((each) => /^\d+$/.test(each))) {
    try {
      const [, fields] = /\) (.*)$/m.exec(readFileSync(`/proc/${name}/stat`, "utf8"))!;
      parents.set(Number(name), Number(fields!.split(" ")[1]));
    } catch {
      // it has ended
    }
  }
  const isBelow = (each: number | undefined): boolean =>
    each === pid || (each !== undefined && each > 1 && isBelow(parents.get(each)));
  const kilobytes = [...parents.keys()]
    .filter(isBelow)
    .map((each) =>
      Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${each}/status`, "utf8"))?.[1] ?? 0),
    );
  return Math.round(kilobytes.reduce((sum, value) => sum + value, 0) / 1024);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function started(name: string, command: string, args: readonly string[], base: string, route: string) {
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null) throw new Error(`${name}: ended with code ${child.exitCode}`);
    const there = await fetch(`${base}/health`).catch(() => undefined);
    if (there?.ok === true) return { name, url: `${base}${route}`, child } satisfies Side;
    await sleep(100);
  }
  throw new Error(`${name}: did not start within a minute`);
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;

async function compare(sides: readonly Side[], body: Buffer, connections: number): Promise<CaseResult> {
  const amount = options.quick ? 4 * connections : connections === 1 ? 200 : 400;
  const found = sides.map(({ name }) => ({ name, perSecond: [] as number[], milliseconds: [] as number[] }));
  const rounds = options.rounds ?? (options.quick ? 1 : 5);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { url }] of sides.entries()) {
      const { perSecond, milliseconds } = await load(url, body, connections, amount);
      found[i]!.perSecond.push(perSecond);
      found[i]!.milliseconds.push(...milliseconds);
    }
  }
  const results = found.map(({ name, perSecond, milliseconds }) => {
    const rates = perSecond.toSorted((a, b) => a - b);
    const times = milliseconds.toSorted((a, b) => a - b);
    return { name, best: rates.at(-1)!, median: quantile(rates, 0.5), times };
  });
  const [ours, peer] = results;
  return {
    name: `${connections} ${connections === 1 ? "client" : "clients"}`,
    settings: { "requests a round": amount, rounds, threads: options.threads },
    sides: results.map(({ name, best, median, times }) => ({
      name,
      values: {
        "requests/s, best": rounded(best, 3),
        "requests/s, median": rounded(median, 3),
        "ms, p50": rounded(quantile(times, 0.5), 3),
        "ms, p95": rounded(quantile(times, 0.95), 3),
        "ms, p99": rounded(quantile(times, 0.99), 3),
      },
    })),
    ratios:
      peer === undefined
        ? []
        : [
            ratio("requests a second, fm-lora / FastAPI", [
              ours!.best / peer.best,
              ours!.median / peer.median,
            ]),
          ],
  };
}

/** Memory before and after many requests. */
async function endurance({ name, url, child }: Side, body: Buffer): Promise<CaseResult> {
  const all = options.quick ? 200 : 10_000;
  await load(url, body, 8, all / 10);
  const before = residentMiB(child.pid!);
  await load(url, body, 8, all);
  const after = residentMiB(child.pid!);
  return {
    name: "Memory",
    settings: { requests: all, "after a warm-up of": all / 10, clients: 8 },
    sides: [{ name, values: { "MiB before": before, "MiB after": after } }],
    ratios: [ratio("memory, after / before", [after / before], { atMost: 1.1 })],
  };
}

async function measure(folder: string): Promise<void> {
  const built = spawnSync(process.execPath, [path("../scripts/bootstrap.mjs"), "build"], {
    stdio: "inherit",
  });
  if (built.status !== 0) throw new Error("the package doesn't build: see above");
  await runBenchmark({
    benchmark: "emoji",
    benchmarkOptions: { classes: CLASSES },
    method: "lda",
    out: join(folder, "models", "emoji"),
    tasks: 1,
  });
  const python = pythonWith(options, PACKAGES);
  const body = await photoForm();
  const threads = `${options.threads}`;
  const sides: Side[] = [];
  try {
    const port = await freePort();
    const words = ["serve", "--models", join(folder, "models"), "--port", `${port}`, "--threads", threads];
    sides.push(
      await started(
        "fmlora serve",
        process.execPath,
        [path("../dist/cli/main.js"), ...words],
        `http://127.0.0.1:${port}`,
        "/models/emoji/predict?top=3",
      ),
    );
    if (python !== undefined) {
      const other = await freePort();
      const args = [path("peers/http_server.py"), path(`../models/${BACKBONE}`), `${other}`, threads];
      const base = `http://127.0.0.1:${other}`;
      sides.push(await started("FastAPI + PyTorch", python.command, args, base, "/predict"));
    }
    for (const { url } of sides) await load(url, body, 4, options.quick ? 8 : 100); // models are loaded, code is warm
    const cases: CaseResult[] = [];
    for (const connections of LOADS) cases.push(await compare(sides, body, connections));
    cases.push(await endurance(sides[0]!, body));
    conclude(
      "http",
      {
        title: "Over HTTP",
        what: `${BACKBONE}, ${CLASSES} classes, a form with one JPEG of 256 x 256 a request, on loopback; clients and servers share the cores.`,
        versions: { ...python?.versions, runtime: nodeRuntime({ threads: options.threads }).name },
        cases,
        notes: python === undefined ? ["FastAPI was not measured."] : [],
      },
      options,
    );
  } finally {
    for (const { child } of sides) child.kill("SIGKILL");
  }
}

const options = benchOptions();
await inTemporaryFolder(measure);
