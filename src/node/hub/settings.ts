/** @file Where the Hub is, where its cache is, and who asks: the environment variables that huggingface_hub reads. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** How the Hub is reached and where its files are kept. */
export interface HubSettings {
  /** Without a slash at the end. */
  readonly endpoint: string;
  /** Folder of `models--org--name` and `datasets--org--name`. */
  readonly cache: string;
  readonly token: string | undefined;
  /** No request is made at all. */
  readonly offline: boolean;
  /** What says so, where it isn't the environment: "--offline". */
  readonly offlineBy?: string;
  /** False: files are copied into snapshots. */
  readonly symlinks: boolean;
  /** Seconds without an answer, or without a byte, after which a request has failed. */
  readonly timeout: number;
  /** Seconds before a failed request is made again; doubled each time. */
  readonly firstPause: number;
}

const ENDPOINT = "https://huggingface.co";
const TIMEOUT = 30;

/** The settings of an environment, with the precedence that Python's huggingface_hub has. */
export function hubSettings(environment: Environment = process.env): HubSettings {
  const set = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const folder = (name: string): string | undefined => {
    const path = set(name);
    return path === undefined ? undefined : expand(path, environment);
  };
  const home =
    folder("HF_HOME") ?? join(folder("XDG_CACHE_HOME") ?? join(homedir(), ".cache"), "huggingface");
  return {
    endpoint: (set("HF_ENDPOINT") ?? ENDPOINT).replace(/\/+$/, ""),
    cache: folder("HF_HUB_CACHE") ?? folder("HUGGINGFACE_HUB_CACHE") ?? join(home, "hub"),
    token:
      set("HF_TOKEN") ??
      set("HUGGING_FACE_HUB_TOKEN") ??
      savedToken(folder("HF_TOKEN_PATH") ?? join(home, "token")),
    offline: isTrue(set("HF_HUB_OFFLINE") ?? set("TRANSFORMERS_OFFLINE")),
    symlinks: !isTrue(set("HF_HUB_DISABLE_SYMLINKS")),
    timeout: Number(set("HF_HUB_DOWNLOAD_TIMEOUT")) || TIMEOUT,
    firstPause: 0.5,
  };
}

/** The same settings, without any request: what `--offline` asks for. */
export const offline = (settings: HubSettings): HubSettings =>
  settings.offline ? settings : { ...settings, offline: true, offlineBy: "--offline" };

/** "~" and "$NAME", as in a shell: variables set by files of settings hold them unexpanded. */
function expand(path: string, environment: Environment): string {
  const home = path === "~" || path.startsWith("~/") ? homedir() + path.slice(1) : path;
  return home.replaceAll(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (all, braced?: string, bare?: string) => environment[braced ?? bare!] ?? all,
  );
}

/** What `hf auth login` saved. */
function savedToken(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim() || undefined;
  } catch {
    return undefined; // most people have none, and public files need none
  }
}

const isTrue = (value: string | undefined): boolean =>
  ["1", "ON", "YES", "TRUE"].includes(value?.toUpperCase() ?? "");
