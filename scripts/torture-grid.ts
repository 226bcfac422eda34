/**
 * @file A grid of 12 cells in five ways, two of them with workers and servers killed: five equal tables, or an error.
 *
 *     npm run torture:grid             # 20 kills: 10 on Redis, 10 on PostgreSQL
 *     npm run torture:grid -- 40
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runWords } from "../src/grid/cells.ts";
import { GridFolder } from "../src/node/grid/folder.ts";
import { openGrid } from "../src/node/grid/table-file.ts";
import { TIME_VALUES } from "../test/node/runs/run-folder.ts";
import build from "../test/support/build.ts";
import { type Fleet, playFleet } from "../test/support/fleet.ts";
import { postgres, redis } from "../test/support/services.ts";

const TABLE = `benchmark: emoji
classes: 4
tasks: 2
epochs: 1
threads: 1
method: [ncm, lda, fm-lora]
seed: [1, 2, 3, 4]
`;
const PASSWORD = "torture";
const kills = Number(process.argv[2] ?? 20);

build();
const place = mkdtempSync(join(tmpdir(), "fm-lora-torture-"));
const table = join(place, "table.yaml");
writeFileSync(table, TABLE);
const { cells } = openGrid(table);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const say = (line: string): void => console.log(line);

/** Runs a command to its end. Returns its seconds. */
function command(...words: string[]): number {
  const start = performance.now();
  const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [main, ...words], { cwd: place, encoding: "utf8" });
  if (status !== 0) throw new Error(`fmlora ${words.join(" ")}: code ${status}: ${stderr}`);
  return (performance.now() - start) / 1000;
}

/** metrics.json of every cell, without times and memory. */
function tableIn(folder: string): string {
  const ids = readdirSync(join(place, folder)).filter((name) => !name.startsWith("."));
  const text = (id: string): string => readFileSync(join(place, folder, id, "metrics.json"), "utf8");
  return ids.map((id) => `${id} ${text(id).replace(TIME_VALUES, "$1")}`).join("\n");
}

const alone = cells.map((cell) => command(...runWords(cell), "--out", join("alone", cell.id)));
const expected = tableIn("alone");
const one = command("grid", "table.yaml", "--out", "one");
// The cells' processes are `fmlora run` itself: what the grid adds is the rest of its time.
const folder = new GridFolder(join(place, "one"));
const inCells = sum(cells.map((cell) => folder.note(cell).seconds));
say(
  `12 commands fmlora run, one after the other: ${sum(alone).toFixed(1)} s; fmlora grid: ${one.toFixed(1)} s`,
);
say(
  `of these, its cells' processes: ${inCells.toFixed(1)} s; overhead: ${((100 * (one - inCells)) / inCells).toFixed(1)} %`,
);
check("one process at a time", "one");
command("grid", "table.yaml", "--out", "two", "--jobs", "2");
check("two jobs", "two");
for (const index of cells.keys())
  command("grid", "run", "table.yaml", "--out", "array", "--index", String(index));
check("an array", "array");

const servers = [
  {
    name: "redis",
    start: () => redis(join(place, "redis-data"), PASSWORD),
    url: (port: number) => `redis://127.0.0.1:${port}`,
  },
  {
    name: "postgres",
    start: () => postgres(join(`${place}-pg`, "data"), PASSWORD),
    url: (port: number) => `postgres://postgres@127.0.0.1:${port}/postgres`,
  },
];
for (const { name, start, url } of servers) {
  const server = await start();
  const fleet: Fleet = {
    place,
    table: "table.yaml",
    queue: url(server.port),
    server,
    password: PASSWORD,
    folders: [`${name}-worker`, `${name}-worker`], // shared: a cell continues from the other's checkpoint
    out: name,
    kills: Math.ceil(kills / 2),
    seed: 1,
    say,
  };
  const { code, killed, output } = await playFleet(fleet);
  await server.stop();
  if (code !== 0) throw new Error(`${name}: code ${code}: ${output}`);
  say(`${name}: ${killed.length} kills: ${killed.join(", ")}`);
  check(`two workers on ${name}`, name);
}
rmSync(place, { recursive: true });
rmSync(`${place}-pg`, { recursive: true, force: true });

function check(what: string, folder: string): void {
  if (tableIn(folder) !== expected) throw new Error(`${what}: another table; see ${join(place, folder)}`);
  say(`${what}: the same table, ${cells.length} cells`);
}
