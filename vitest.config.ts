import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks", // onnxruntime-node holds native threads
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
