// `npm test`: the whole suite (`npm test conv` for the files that match a word). The last line counts.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTool } from "./run.ts";

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numFailedTestSuites: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly unknown[];
  }[];
}

// Tests of the native engine run where it could be built, and say so where not.
await runTool("tsx", ["scripts/build-native.ts", "--optional"], { show: true });
const folder = mkdtempSync(join(tmpdir(), "flambeau-test-"));
const reportFile = join(folder, "report.json");
const { code } = await runTool(
  "vitest",
  [
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${reportFile}`,
    ...process.argv.slice(2),
  ],
  { show: true },
);
let passed = 0;
let failed = 0;
try {
  const report = JSON.parse(readFileSync(reportFile, "utf8")) as Report;
  passed = report.numPassedTests;
  // A file that does not even load counts as one failure.
  const broken = report.testResults.filter(
    (r) => r.status === "failed" && r.assertionResults.length === 0,
  );
  failed = report.numFailedTests + broken.length;
} catch {
  failed = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (code !== 0 && failed === 0) failed = 1;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
