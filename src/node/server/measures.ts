/** @file What a server counts, for Prometheus. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** Counts of one server. */
export class Measures {
  readonly #registry = new Registry();
  readonly #requests: Histogram;
  readonly #images: Counter;
  readonly #batches: Histogram;
  readonly #jobs: Counter;

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Histogram({
      name: "fmlora_http_request_seconds",
      help: "Seconds from a request to its answer",
      labelNames: ["method", "route", "status"],
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
      registers,
    });
    this.#images = new Counter({
      name: "fmlora_images_total",
      help: "Images that were asked about, by what came out: known, unknown, unreadable",
      labelNames: ["model", "outcome"],
      registers,
    });
    this.#batches = new Histogram({
      name: "fmlora_batch_images",
      help: "Images computed together",
      buckets: [1, 2, 4, 8, 16, 32, 64],
      registers,
    });
    this.#jobs = new Counter({
      name: "fmlora_jobs_total",
      help: "Jobs that ended, by how",
      labelNames: ["status"],
      registers,
    });
  }

  /** Whenever somebody looks, `count` tells how many images wait. */
  waiting(count: () => number): void {
    new Gauge({
      name: "fmlora_waiting_images",
      help: "Images that wait to be computed",
      registers: [this.#registry],
      collect() {
        this.set(count());
      },
    });
  }

  request(method: string, route: string, status: number, seconds: number): void {
    this.#requests.observe({ method, route, status }, seconds);
  }

  image(model: string, outcome: "known" | "unknown" | "unreadable"): void {
    this.#images.inc({ model, outcome });
  }

  batch(images: number): void {
    this.#batches.observe(images);
  }

  job(status: string): void {
    this.#jobs.inc({ status });
  }

  /** In Prometheus's text format. */
  async text(): Promise<{ readonly type: string; readonly body: string }> {
    return { type: this.#registry.contentType, body: await this.#registry.metrics() };
  }
}
