/** @file A folder with a model of toys, a server for it, and what its clients do. */
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { classFolders } from "../../../src/node/learner/class-folders.ts";
import { createLearner } from "../../../src/node/learner/learner.ts";
import { type RunningServer, type ServerOptions, startServer } from "../../../src/node/server/index.ts";
import { writeTinyBackbone } from "../../support/tiny-backbone.ts";
import { writeToyFolder } from "../../support/toy-folder.ts";

/** Whatever a server says. */
export type Json = ReturnType<typeof JSON.parse>;

/** Status and JSON. */
export async function asked(
  server: RunningServer,
  path: string,
  init: RequestInit = {},
): Promise<[number, Json]> {
  const response = await fetch(`${server.url}${path}`, init);
  return [response.status, await response.json()];
}

/** A request with files under names of fields. */
export function form(files: readonly (readonly [field: string, bytes: Uint8Array])[]): RequestInit {
  const body = new FormData();
  for (const [field, bytes] of files) body.append(field, new Blob([new Uint8Array(bytes)]), `${field}.png`);
  return { method: "POST", body };
}

/** A job as it ended. */
export async function ended(server: RunningServer, id: string): Promise<Json> {
  for (;;) {
    const [, job] = await asked(server, `/jobs/${id}`);
    if (["done", "failed", "cancelled"].includes(job.status)) return job;
    await sleep(50);
  }
}

/** A folder with `images/`, `backbone/` and `models/`, in which the model "toys" knows two classes. */
export class ServerPlace {
  readonly root = mkdtempSync(join(tmpdir(), "fm-lora-server-"));
  /** What servers said. */
  readonly notices: string[] = [];

  async prepare(): Promise<this> {
    await writeToyFolder(this.at("images"), { classes: 6, train: 8, test: 3 });
    writeTinyBackbone(this.at("backbone"));
    const options = { backbone: this.at("backbone"), threads: 1, workers: 0, method: "lda" };
    const learner = await createLearner(options);
    const all = await classFolders(this.at("images", "train"));
    await learner.learn({ classes: { "class-0": all["class-0"]!, "class-1": all["class-1"]! } });
    await learner.save(this.at("models", "toys"));
    await learner.dispose();
    cpSync(this.at("models", "toys"), this.at("models", "no address has this"), { recursive: true });
    return this;
  }

  at(...path: string[]): string {
    return join(this.root, ...path);
  }

  photo(name: string, number = 0, use = "test"): Buffer {
    return readFileSync(this.at("images", use, name, `${number}.png`));
  }

  /** All training images of a class, as fields of a form. */
  classOf(label: number): (readonly [string, Uint8Array])[] {
    const name = `class-${label}`;
    return Array.from({ length: 8 }, (_, i) => [name, this.photo(name, i, "train")] as const);
  }

  started(options: Partial<ServerOptions> = {}): Promise<RunningServer> {
    return startServer({
      folder: this.at("models"),
      port: 0,
      threads: 1,
      backbone: this.at("backbone"),
      onNotice: (line) => void this.notices.push(line),
      ...options,
    });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
