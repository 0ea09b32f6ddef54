// Tests stand beside the code they test. Lanes: FLAMBEAU_LANE=fast or full (packages/testing).
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/**/*.test.ts", "scripts/**/*.test.ts"],
    // Processes, not threads: tests set environment variables and start workers of their own.
    pool: "forks",
    maxWorkers: "100%",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
