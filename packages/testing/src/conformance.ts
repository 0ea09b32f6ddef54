// The generated conformance suite: every sample of every op, on every dtype that it claims, computed
// on a device and compared with the `reference` device. Gradients are in gradients.ts; the printed
// summary in support-table.ts. An op's `skips` names the kinds of test that do not apply to it.
import {
  type DType,
  DTypeError,
  type Tensor,
  device as findDevice,
  isTensor,
  scope,
  trace,
} from "@flambeau/core";
import { isComplex, isContinuous, isHalf, realDType } from "@flambeau/core/extension";
import { showShape } from "@flambeau/core/extension";
import { tensorsIn } from "@flambeau/core/extension";
import { sameShape } from "@flambeau/core/extension";
import { type Reading, type Tolerance, difference, readSync } from "./matchers.ts";
import { type NamedOp, argumentsOf, claimedDTypes, derivedDTypes, withTensors } from "./named-ops.ts"; // prettier-ignore
import type { Placement, Values } from "./sample-source.ts";

/**
 * `eager`: as called; `traced`: recorded on symbolic tensors, then replayed; `shape-only`: on the
 * `null` device, shapes and dtypes alone.
 */
export type Mode = "eager" | "traced" | "shape-only";

/** The keys of an op's `skips` that the suites read. */
export type SkipKey =
  | Mode
  | "strided"
  | "signedZero"
  | "gradient"
  | "secondOrder"
  | "float32"
  | Exclude<Values, "ordinary">;

export interface ConformanceCase {
  readonly op: NamedOp;
  readonly sample: number;
  readonly dtype: DType;
  readonly device: string;
  readonly mode: Mode;
  readonly placement: Placement;
  readonly values: Values;
  /** Whether the op may refuse the dtype: it follows from others that it claims. */
  readonly isDerived?: boolean;
}

export interface ConformanceOptions {
  /** Devices under test, by name. Default `["reference"]`. */
  readonly devices?: readonly string[];
  readonly modes?: readonly Mode[];
  /** Default: those that ops claim, and those that follow from them. */
  readonly dtypes?: readonly DType[];
  readonly placements?: readonly Placement[];
  readonly values?: readonly Values[];
}

export type Outcome =
  | { readonly status: "pass" }
  | { readonly status: "skip" | "fail"; readonly reason: string };

export const pass: Outcome = { status: "pass" };
export const skip = (reason: string): Outcome => ({ status: "skip", reason });
export const fail = (reason: string): Outcome => ({ status: "fail", reason });

/** How far each kind of op may be from the reference. */
export function toleranceOf(op: NamedOp, dtype: DType, expected: Reading): Tolerance {
  const half = [dtype, expected.dtype].find(isHalf);
  // Rounding may fall to either side of a tie.
  if (half !== undefined) return half === "float16" ? { rtol: 2e-3, atol: 1e-6 } : { rtol: 1.6e-2, atol: 1e-30 }; // prettier-ignore
  const single = [dtype, expected.dtype].some((one) => realDType(one) === "float32");
  // Parts are made of several functions.
  if (isComplex(expected.dtype)) return single ? { rtol: 1e-5, atol: 1e-6 } : { rtol: 1e-12, atol: 1e-14 }; // prettier-ignore
  // A few units in the last place: transcendentals may be polynomials.
  if (op.definition.kind === "elementwise") {
    return single ? { rtol: 1e-6, atol: 1e-7 } : { rtol: 1e-13, atol: 1e-15 };
  }
  // Sums may be taken in another order: what cancels is as large as the largest result.
  let largest = 1;
  for (const value of expected.data) {
    const size = Math.abs(Number(value));
    if (size > largest && Number.isFinite(size)) largest = size;
  }
  return single ? { rtol: 1e-5, atol: 2e-6 * largest } : { rtol: 1e-11, atol: 1e-13 * largest };
}

const allModes: readonly Mode[] = ["eager", "traced", "shape-only"];
const allPlacements: readonly Placement[] = ["row-major", "transposed", "sliced", "flipped"];
const allValues: readonly Values[] = ["ordinary", "large", "tied", "extreme", "empty", "0-d"];
/** What derived dtypes are tried with: their kernels are those of the dtypes that they follow. */
const fewVariants: ConformanceOptions = {
  placements: ["row-major", "sliced"],
  values: ["ordinary", "extreme"],
};
/** Variants that only ops of any shape have. */
const shapeValues = new Set<Values>(["empty", "0-d"]);

/** Every case of the given ops. */
export function* conformanceCases(
  ops: readonly NamedOp[],
  options: ConformanceOptions = {},
): Generator<ConformanceCase> {
  const { devices = ["reference"], modes = allModes } = options;
  for (const op of ops) {
    const derived = derivedDTypes(op);
    for (const dtype of [...claimedDTypes(op), ...derived]) {
      if (options.dtypes !== undefined && !options.dtypes.includes(dtype)) continue;
      const isDerived = derived.includes(dtype);
      for (let sample = 0; sample < op.definition.samples.length; sample++) {
        const at = { op, sample, dtype, isDerived };
        if (modes.includes("shape-only")) {
          yield {
            ...at,
            device: "null",
            mode: "shape-only",
            placement: "row-major",
            values: "ordinary",
          };
        }
        for (const device of devices) {
          yield* onDevice({ ...at, device }, isDerived ? { ...fewVariants, ...options } : options);
        }
      }
    }
  }
}

/** Whether an earlier sample differs from this one in the shapes of its tensors alone. */
function isRepeated({ op, sample, dtype }: Located): boolean {
  const kindsOf = (position: number): string =>
    JSON.stringify(
      argumentsOf(op, position, { dtype, device: "null" }).map((x) => (isTensor(x) ? x.dtype : x)),
    );
  const own = kindsOf(sample);
  return op.definition.samples.some((_, earlier) => earlier < sample && kindsOf(earlier) === own);
}

type Located = Pick<ConformanceCase, "op" | "sample" | "dtype" | "device" | "isDerived">;

function* onDevice(at: Located, options: ConformanceOptions): Generator<ConformanceCase> {
  const { modes = allModes, placements = allPlacements, values = allValues } = options;
  const plain = { placement: "row-major", values: "ordinary" } as const;
  if (modes.includes("traced")) yield { ...at, mode: "traced", ...plain };
  if (!modes.includes("eager")) return;
  for (const placement of placements) yield { ...at, ...plain, mode: "eager", placement };
  for (const kind of values) {
    if (kind === "ordinary" || (kind === "large" && !isContinuous(at.dtype))) continue;
    if (shapeValues.has(kind) && at.op.definition.kind !== "elementwise") continue;
    // These replace the shapes, so that samples with operands of the same kinds are equal.
    if (at.op.definition.kind === "elementwise" && kind !== "large" && isRepeated(at)) continue;
    yield { ...at, ...plain, mode: "eager", values: kind };
  }
}

/** The declared reason why a case does not apply. */
function skipReason({
  op,
  mode,
  placement,
  values,
  device,
  dtype,
}: ConformanceCase): string | undefined {
  const { skips = {} } = op.definition;
  if (!findDevice(device).backend.dtypes.has(dtype)) return `${device} has no ${dtype}`;
  const keys: SkipKey[] = [mode];
  if (placement !== "row-major") keys.push("strided");
  // At ties a gradient may be a convention; values are not.
  if (values !== "ordinary" && values !== "tied") keys.push(values);
  const key = keys.find((name) => skips[name] !== undefined);
  return key && `${key}: ${skips[key]}`;
}

/** A result: its tensors, and what it is besides them. */
interface Result {
  readonly readings: readonly Reading[];
  /** Everything that is not a tensor, as text. */
  readonly rest: string;
}

const restOf = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    isTensor(inner) ? "tensor" : typeof inner === "bigint" ? `${inner}n` : inner,
  );

function compute(
  { op, sample, dtype, device, placement, values, mode }: ConformanceCase,
  reading: (x: Parameters<typeof readSync>[0]) => Reading,
): Result {
  return scope(() => {
    const inputs = argumentsOf(op, sample, { dtype, device, placement, values });
    const call = (...tensors: Tensor[]): unknown =>
      op.call(...(withTensors(inputs, tensors) as unknown[]));
    const tensors = tensorsIn(inputs);
    const result = mode === "traced" ? trace(call)(...tensors) : call(...tensors);
    return { readings: tensorsIn(result).map(reading), rest: restOf(result) };
  });
}

/** Results of the reference device, which several devices, modes and placements share. */
export class ExpectedResults {
  #key = "";
  readonly #results = new Map<string, Result>();

  of(one: ConformanceCase): Result {
    // Cases come op by op: what an earlier op gave is not asked for again.
    if (this.#key !== one.op.name) this.#results.clear();
    this.#key = one.op.name;
    const key = `${one.dtype} ${one.sample} ${one.values}`;
    let result = this.#results.get(key);
    if (result === undefined) {
      result = compute(
        { ...one, device: "reference", mode: "eager", placement: "row-major" },
        readSync,
      );
      this.#results.set(key, result);
    }
    return result;
  }
}

/** Runs one case. */
export function runCase(one: ConformanceCase, expected: ExpectedResults): Outcome {
  const reason = skipReason(one);
  if (reason !== undefined) return skip(reason);
  try {
    const want = expected.of(one);
    if (one.mode === "shape-only") return compareShapes(one, want);
    const got = compute(one, readSync);
    if (got.readings.length !== want.readings.length || got.rest !== want.rest) {
      return fail(`returned ${got.rest}, expected ${want.rest}`);
    }
    for (let i = 0; i < want.readings.length; i++) {
      const reading = want.readings[i]!;
      const tolerance = toleranceOf(one.op, one.dtype, reading);
      const problem = difference(got.readings[i]!, reading, tolerance);
      if (problem !== undefined) return fail(`result ${i}: ${problem}`);
      const zero = wrongZero(one.op, got.readings[i]!, reading);
      if (zero !== undefined) return fail(`result ${i}: ${zero}`);
    }
    return pass;
  } catch (error) {
    if (one.isDerived && error instanceof DTypeError) return skip("the dtype is refused");
    return fail(`threw ${String(error)}`);
  }
}

/** Zeros of another sign, which only elementwise ops must get right. */
function wrongZero(
  { definition }: NamedOp,
  actual: Reading,
  expected: Reading,
): string | undefined {
  if (definition.kind !== "elementwise" || definition.skips?.["signedZero"] !== undefined) return;
  for (let i = 0; i < expected.data.length; i++) {
    const [a, b] = [actual.data[i], expected.data[i]];
    if (a !== 0 || b !== 0 || Object.is(a, b)) continue;
    const [got, want] = Object.is(a, -0) ? ["-0", "0"] : ["0", "-0"];
    return `element ${i} is ${got}, expected ${want} (an op for which either will do says so: skips.signedZero)`;
  }
  return undefined;
}

function compareShapes(one: ConformanceCase, want: Result): Outcome {
  const got = compute(one, ({ shape, dtype }) => ({ shape, dtype, data: new Uint8Array(0) }));
  for (let i = 0; i < want.readings.length; i++) {
    const [a, b] = [got.readings[i], want.readings[i]!];
    if (a !== undefined && a.dtype === b.dtype && sameShape(a.shape, b.shape)) continue;
    return fail(
      `result ${i}: ${a?.dtype} ${showShape(a?.shape ?? [])} on null, ` +
        `${b.dtype} ${showShape(b.shape)} on reference`,
    );
  }
  return pass;
}

/** `conv2d float32 on wasm1, sample 3, transposed, extreme values, traced` */
export function showCase({
  op,
  dtype,
  device,
  sample,
  placement,
  values,
  mode,
}: ConformanceCase): string {
  const parts = [`${op.name} ${dtype} on ${device}`, `sample ${sample}`];
  if (mode !== "eager") parts.push(mode);
  if (placement !== "row-major") parts.push(placement);
  if (values !== "ordinary") parts.push(`${values} values`);
  return parts.join(", ");
}

/** What became of a case. */
export interface Verdict {
  readonly op: string;
  readonly dtype: DType;
  readonly device: string;
  readonly label: string;
  readonly outcome: Outcome;
}

/** Runs every case and tells what became of each. */
export function runConformance(
  ops: readonly NamedOp[],
  options: ConformanceOptions = {},
): Verdict[] {
  const expected = new ExpectedResults();
  const verdicts: Verdict[] = [];
  for (const one of conformanceCases(ops, options)) {
    const { op, dtype, device } = one;
    verdicts.push({
      op: op.name,
      dtype,
      device,
      label: showCase(one),
      outcome: runCase(one, expected),
    });
  }
  return verdicts;
}

/** The failures among verdicts, one line each. */
export const failuresOf = (verdicts: readonly Verdict[]): string[] =>
  verdicts.flatMap(({ label, outcome }) =>
    outcome.status === "fail" ? [`${label}: ${outcome.reason}`] : [],
  );
