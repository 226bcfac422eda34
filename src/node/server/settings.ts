/** @file Options of a server, and what they are if nobody says. */
import { defaultThreads } from "../runtime/threads.ts";

/** How models are served. All but the folder has a default. */
export interface ServerOptions {
  /** Folder with a folder for each model. It need not be there: models are made by learning. */
  readonly folder: string;
  /** Default: 127.0.0.1, which no other machine reaches. */
  readonly host?: string | undefined;
  /** 0: any free one. Default: 8080. */
  readonly port?: number | undefined;
  /** Who has one of these may ask; default: none, which only an address of this machine may do. */
  readonly tokens?: readonly string[] | undefined;
  /** Origins of other pages whose scripts may ask, "https://shop.example"; default: none. */
  readonly origins?: readonly string[] | undefined;
  /** Whether models can only be asked, not changed; default: false. */
  readonly readOnly?: boolean | undefined;
  /** Of new models; default: the one that comes along. */
  readonly backbone?: string | undefined;
  /** Of new models; default: fm-lora. */
  readonly method?: string | undefined;
  /** Of each model's process; default: all cores, at most 8. */
  readonly threads?: number | undefined;
  /** Modules with further methods and heads. */
  readonly plugins?: readonly string[] | undefined;
  /** Whether no other machine may be asked for a backbone; default: false. */
  readonly offline?: boolean | undefined;
  /** Milliseconds that an image waits for others to be computed together; default: 2. */
  readonly batchWait?: number | undefined;
  /** Images of a batch, at most; default: 32. */
  readonly batchSize?: number | undefined;
  /** Images that may wait for a model; default: 1024. */
  readonly queue?: number | undefined;
  /** Models whose processes stay open, beyond those that are busy; default: 4. */
  readonly openModels?: number | undefined;
  /** Bytes of a request, at most; default: 128 MiB. */
  readonly bodyBytes?: number | undefined;
  /** Images of a request to predict, at most; default: 256. */
  readonly images?: number | undefined;
  /** Requests a second of one client, by token or address; default: as many as they like. */
  readonly rate?: number | undefined;
  /** Models that learn or are exported at the same time; default: 1. */
  readonly jobs?: number | undefined;
  /** Seconds that what is at work has to end when the server is told to; default: 60. */
  readonly grace?: number | undefined;
  /** Hears what a person who watches the server wants to know, a line each. */
  readonly onNotice?: ((line: string) => void) | undefined;
}

/** What may be left open: nobody is asked for it. */
type Open = "backbone" | "method" | "rate";

/** All of them. */
export type ServerSettings = {
  readonly [Name in keyof ServerOptions]-?: Name extends Open
    ? ServerOptions[Name]
    : Exclude<ServerOptions[Name], undefined>;
};

/** With the defaults. */
export function serverSettings(options: ServerOptions): ServerSettings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...defaults(), ...(given as Partial<ServerSettings>), folder: options.folder };
}

const defaults = (): Omit<ServerSettings, "folder"> => ({
  host: "127.0.0.1",
  port: 8080,
  tokens: [],
  origins: [],
  readOnly: false,
  threads: defaultThreads(),
  plugins: [],
  offline: false,
  batchWait: 2,
  batchSize: 32,
  queue: 1024,
  openModels: 4,
  bodyBytes: 128 * 2 ** 20,
  images: 256,
  jobs: 1,
  grace: 60,
  onNotice: () => {},
  backbone: undefined,
  method: undefined,
  rate: undefined,
});
