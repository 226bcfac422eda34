import { defineConfig } from "vitest/config";

const BUILT = [
  ...["test/cli/**/*.test.ts", "test/docs/**/*.test.ts"],
  "test/playground/**/*.test.ts",
  ...["test/torture/**/*.test.ts", "test/plugins/packed.test.ts"],
];

export default defineConfig({
  test: {
    pool: "forks", // onnxruntime-node holds native threads
    maxWorkers: 2,
    testTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: "source",
          include: ["test/**/*.test.ts"],
          exclude: BUILT,
          isolate: false, // loading the engine again for every file takes longer than many of them
          restoreMocks: true,
        },
      },
      { extends: true, test: { name: "built", include: BUILT, globalSetup: "test/support/build.ts" } },
    ],
  },
});
