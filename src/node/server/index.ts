/** @file A server for models: "fm-lora/node" has `startServer`, the command line `fmlora serve`. */
export { type RunningServer, startServer } from "./server.ts";
export type { ServerOptions } from "./settings.ts";
