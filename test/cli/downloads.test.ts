/** @file What a user sees while a backbone comes from the Hub. */
import { expect, test } from "vitest";
import { downloadListener } from "../../src/cli/downloads.ts";
import type { StatusLine } from "../../src/cli/progress.ts";

/** A clock and a status line that keeps what it shows. */
function watched() {
  const clock = { seconds: 0 };
  const shown: (string | [text: string, share: number])[] = [];
  const status: StatusLine = {
    update: (text, share) => void shown.push([text, share]),
    line: (text) => void shown.push(text),
    stop: () => {},
  };
  const listen = downloadListener(status, () => clock.seconds);
  return {
    shown,
    at(seconds: number, path: string, done: number, total: number | undefined) {
      clock.seconds = seconds;
      listen({ repo: "org/name", path, done, total });
    },
  };
}

test("bytes, bytes per second and time left, then one line for a large file", () => {
  const { shown, at } = watched();
  at(0, "config.json", 0, 500);
  at(1, "config.json", 500, 500);
  at(2, "model.safetensors", 0, 80_000_000);
  at(4, "model.safetensors", 20_000_000, 80_000_000);
  at(10, "model.safetensors", 80_000_000, 80_000_000);
  expect(shown).toEqual([
    ["org/name/config.json 0 B of 500 B", 0],
    ["org/name/model.safetensors 0 B of 80.0 MB", 0],
    ["org/name/model.safetensors 20.0 MB of 80.0 MB, 10.0 MB/s, 6.0 s left", 0.25],
    "org/name/model.safetensors: 80.0 MB in 8.0 s",
  ]);
});

test("a continued download says so, and its speed counts new bytes alone", () => {
  const { shown, at } = watched();
  at(0, "model.safetensors", 30_000_000, 80_000_000);
  at(5, "model.safetensors", 40_000_000, 80_000_000);
  // The server could not continue: from the start again.
  at(6, "model.safetensors", 0, 80_000_000);
  at(7, "model.safetensors", 1_000_000, undefined);
  expect(shown).toEqual([
    "org/name/model.safetensors: continuing at 30.0 MB",
    ["org/name/model.safetensors 30.0 MB of 80.0 MB", 0.375],
    ["org/name/model.safetensors 40.0 MB of 80.0 MB, 2.00 MB/s, 20.0 s left", 0.5],
    ["org/name/model.safetensors 0 B of 80.0 MB", 0],
    ["org/name/model.safetensors 1.00 MB, 1.00 MB/s", 0],
  ]);
});
