/** @file Requests to the server's API, with the token that it wants. */
import { LockedError } from "./home.ts";

const TOKEN = "playground-token";

/** The API under an address that ends in a slash. */
export class Api {
  readonly #base: string;
  /** For as long as the tab is open, and in no other. */
  #token = sessionStorage.getItem(TOKEN) ?? "";

  constructor(base: string) {
    this.#base = base;
  }

  unlock(token: string): void {
    this.#token = token;
    sessionStorage.setItem(TOKEN, token);
  }

  /** @throws Error with the server's line, LockedError where it wants a token */
  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#token !== "") headers.set("Authorization", `Bearer ${this.#token}`);
    let response: Response;
    try {
      response = await fetch(this.#base + path, { ...init, headers });
    } catch (error) {
      if (init.signal?.aborted === true) throw error;
      throw new Error("the server does not answer; is it still running?", { cause: error });
    }
    if (response.ok) return response;
    const text = await response.text();
    const line = problemIn(text) ?? `the server answers ${response.status} ${response.statusText}`;
    throw response.status === 401 ? new LockedError(line) : new ServerError(line, response.status);
  }

  async json<Answer>(path: string, init: RequestInit = {}): Promise<Answer> {
    return (await (await this.request(path, init)).json()) as Answer;
  }
}

/** What the server refused, in its own words. */
export class ServerError extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

function problemIn(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { readonly error?: string }).error;
  } catch {
    return undefined; // a proxy's page
  }
}

/** The data of server-sent events, each as JSON. */
export async function* eventsOf<Data>(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Data> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (text + value).split("\n\n");
    text = events.pop()!;
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (data !== undefined) yield JSON.parse(data) as Data; // others are there to keep the connection
    }
  }
}
