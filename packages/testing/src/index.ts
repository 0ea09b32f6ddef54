// What tests of other packages use: comparisons of tensors, and the generated suites for their own
// ops and backends. How to run the suites is in conformance.test.ts.
export {
  type ConformanceCase, type ConformanceOptions, type Outcome, type SkipKey, type Verdict,
  conformanceCases, failuresOf, runConformance,
} from "./conformance.ts"; // prettier-ignore
export { lane, testedDevices } from "./devices.ts";
export { type GradientOptions, gradientCases, runGradients } from "./gradients.ts";
export {
  type Tolerance, difference, expectClose, expectEqual, expectError, messageOf, read, readSync,
} from "./matchers.ts"; // prettier-ignore
export { type NamedOp, opsOf } from "./named-ops.ts";
export { type SourceOptions, createSampleSource } from "./sample-source.ts";
export { summaryOf, supportTable } from "./support-table.ts";
