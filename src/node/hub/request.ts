/** @file Requests to the Hub: retried where that can help, and one line that says what to do where it can't. */
import { setTimeout as sleep } from "node:timers/promises";
import { InputError } from "../../tensor/errors.ts";
import type { Repo } from "./cache.ts";
import type { HubSettings } from "./settings.ts";

/** Requests that fail are made this often in all. */
export const ATTEMPTS = 5;
/** A server may ask for longer; a person at a terminal would rather be told. */
const LONGEST_PAUSE = 60;
const MOST_REDIRECTS = 5;
const TRANSIENT = new Set([408, 429, 500, 502, 503, 504]);

/** The Hub can't be reached, or can't answer now: a cached file may do instead. */
export class UnreachableError extends InputError {}

/** The repository has no such file in that revision. */
export class NoSuchFileError extends InputError {
  /** Commit that doesn't have it, where the Hub says. */
  readonly commit: string | undefined;
  constructor(message: string, commit: string | undefined) {
    super(message);
    this.commit = commit;
  }
}

/** What is asked for, for the words of an error. */
export interface Wanted extends Repo {
  readonly revision: string;
  readonly path?: string | undefined;
}

/** How a request is made. */
export interface RequestOptions extends RequestInit {
  /** Tries in all; 1 where something else can be done at once. */
  readonly attempts?: number;
  /** Follow redirects up to the one that leads to another host, and give that. */
  readonly stayOnHost?: boolean;
}

/** A successful answer, or an error that names `wanted`. The token goes to the Hub's own host alone. */
export async function request(
  url: string,
  wanted: Wanted,
  settings: HubSettings,
  { attempts = ATTEMPTS, ...options }: RequestOptions = {},
): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await once(url, settings, options);
    if (outcome instanceof Response) {
      const { status } = outcome;
      if (outcome.ok || (options.stayOnHost && isRedirect(status)) || status === 416) return outcome;
      await outcome.body?.cancel();
      if (!TRANSIENT.has(status)) throw refusal(outcome, wanted, settings);
    }
    if (attempt >= attempts || isHopeless(outcome)) throw unreachable(outcome, settings);
    await pause(attempt, settings, outcome);
  }
}

/** Waits before attempt `attempt` + 1: as long as the server asks, else longer each time. */
export async function pause(attempt: number, settings: HubSettings, outcome?: unknown): Promise<void> {
  const asked =
    outcome instanceof Response ? Number(outcome.headers.get("retry-after") ?? Number.NaN) : Number.NaN;
  const seconds = Number.isFinite(asked) ? asked : settings.firstPause * 2 ** (attempt - 1);
  await sleep(1000 * Math.min(seconds, LONGEST_PAUSE));
}

/** A URL of the Hub's own; the path's parts are escaped. */
export function fileUrl(settings: HubSettings, { type, repo, revision }: Wanted, path: string): string {
  const prefix = type === "model" ? "" : `${type}s/`;
  const escaped = path.split("/").map(encodeURIComponent).join("/");
  return `${settings.endpoint}/${prefix}${repo}/resolve/${encodeURIComponent(revision)}/${escaped}`;
}

/** One try: the answer, or why there is none. */
async function once(
  url: string,
  settings: HubSettings,
  { stayOnHost = false, ...init }: RequestOptions,
): Promise<Response | Error> {
  // The time limit ends with the answer's headers; reading the body has its own.
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error("no answer")), 1000 * settings.timeout);
  try {
    for (let at = url, redirects = 0; ; redirects++) {
      const response = await fetch(at, {
        ...init,
        headers: { ...headersFor(at, settings), ...(init.headers as Record<string, string>) },
        redirect: stayOnHost ? "manual" : "follow",
        signal: controller.signal,
      });
      const location = response.headers.get("location");
      if (!stayOnHost || !isRedirect(response.status) || location === null) return response;
      const next = new URL(location, at);
      // The redirect to storage carries the file's hash and commit; storage itself knows neither.
      if (next.host !== new URL(at).host && response.headers.has("x-repo-commit")) return response;
      if (redirects >= MOST_REDIRECTS) return new Error(`more than ${MOST_REDIRECTS} redirects`);
      at = next.href;
    }
  } catch (error) {
    return error as Error;
  } finally {
    clearTimeout(timer);
  }
}

/** A host that has no address now has none in two seconds either: most often there is no network at all. */
const isHopeless = (outcome: Response | Error): boolean =>
  !(outcome instanceof Response) &&
  (outcome.cause as NodeJS.ErrnoException | undefined)?.code === "ENOTFOUND";

function headersFor(url: string, { token, endpoint }: HubSettings): Record<string, string> {
  const own = new URL(url).host === new URL(endpoint).host;
  return {
    "user-agent": "fm-lora",
    "accept-encoding": "identity", // lengths and ranges count the file's own bytes
    ...(own && token !== undefined ? { authorization: `Bearer ${token}` } : {}),
  };
}

const isRedirect = (status: number): boolean => status >= 300 && status < 400;

/** What a status that no retry mends means for the user. */
function refusal(response: Response, wanted: Wanted, settings: HubSettings): InputError {
  const { status, headers } = response;
  const { type, repo, revision, path } = wanted;
  const code = headers.get("x-error-code") ?? "";
  const page = `${settings.endpoint}/${type === "model" ? "" : `${type}s/`}${repo}`;
  const { token } = settings;
  if (status === 403 || code === "GatedRepo") {
    const gated = code === "GatedRepo" ? "is gated" : "is refused to you";
    return new InputError(
      `${repo}: access to this ${type} ${gated} (HTTP ${status}); ask for it at ${page} and set HF_TOKEN to a token of that account`,
    );
  }
  if (status === 401 && token !== undefined && code !== "RepoNotFound") {
    return new InputError(
      `${repo}: the Hub does not accept the token (HTTP 401); make a new one, and set HF_TOKEN or run hf auth login`,
    );
  }
  if (status === 401 || code === "RepoNotFound" || (status === 404 && code === "")) {
    const access =
      token === undefined ? "if it is private, set HF_TOKEN" : "the token may have no access to it";
    return new InputError(
      `${repo}: there is no such ${type} at ${settings.endpoint} (HTTP ${status}); check the name; ${access}`,
    );
  }
  if (code === "RevisionNotFound") {
    return new InputError(
      `${repo}: there is no revision "${revision}"; ${page} lists its branches, tags and commits`,
    );
  }
  if (code === "EntryNotFound") {
    const commit = headers.get("x-repo-commit") ?? undefined;
    return new NoSuchFileError(`${repo}: there is no file ${path} in revision "${revision}"`, commit);
  }
  return new InputError(
    `${repo}: the Hub answered ${path ?? "the request"} with HTTP ${status}; try again later`,
  );
}

function unreachable(outcome: Response | Error, { endpoint, timeout }: HubSettings): UnreachableError {
  const advice = "check the network and HF_ENDPOINT, or set HF_HUB_OFFLINE=1 to use what is cached";
  if (outcome instanceof Response) {
    const reason = outcome.status === 429 ? "asks for fewer requests" : "has a problem of its own";
    return new UnreachableError(`${endpoint} ${reason} (HTTP ${outcome.status}); try again later`);
  }
  const cause = (outcome.cause ?? outcome) as NodeJS.ErrnoException;
  const detail =
    outcome.message === "no answer" ? `no answer within ${timeout} s` : (cause.code ?? cause.message);
  return new UnreachableError(`${endpoint} cannot be reached (${detail}); ${advice}`);
}
