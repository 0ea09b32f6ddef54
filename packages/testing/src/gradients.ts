// The generated gradient suite. Every differentiable sample passes gradcheck and gradgradcheck in
// float64 on `reference`, also at ±100, at ties and at the ends of the op's domain; float32
// gradients on the device under test are compared with float64 ones.
import {
  type DType,
  type Tensor,
  autograd,
  device as findDevice,
  scope,
  viewAsComplex,
} from "@flambeau/core";
import { DTypeError, isComplex, isFloat } from "@flambeau/core/extension";
import { fromTypedArray, trackGradient } from "@flambeau/core/extension";
import { tensorsIn } from "@flambeau/core/extension";
import { type Outcome, type SkipKey, type Verdict, fail, pass, skip } from "./conformance.ts";
import { differenceOfNumbers } from "./matchers.ts";
import { type NamedOp, argumentsOf, claimedDTypes, derivedDTypes, withTensors } from "./named-ops.ts"; // prettier-ignore
import { type Values, seedOf, uniformNumbers } from "./sample-source.ts";

/**
 * `first`, `second`: against central differences; `complex`: the same on complex128, whose parts move
 * one by one; `float32`: against float64.
 */
export type GradientCheck = "first" | "second" | "complex" | "float32";

export interface GradientCase {
  readonly op: NamedOp;
  readonly sample: number;
  readonly check: GradientCheck;
  readonly values: Values;
  readonly device: string;
}

export interface GradientOptions {
  /** Devices whose float32 gradients are tested. Default `["reference"]`. */
  readonly devices?: readonly string[];
  readonly checks?: readonly GradientCheck[];
  readonly values?: readonly Values[];
}

const allChecks: readonly GradientCheck[] = ["first", "second", "complex", "float32"];
const allValues: readonly Values[] = ["ordinary", "large", "tied", "edge"];

/** Every gradient case of the given ops. */
export function* gradientCases(
  ops: readonly NamedOp[],
  options: GradientOptions = {},
): Generator<GradientCase> {
  const { devices = ["reference"], checks = allChecks, values = allValues } = options;
  for (const op of ops) {
    const { isDifferentiable, samples, skips } = op.definition;
    const takesComplex = [...claimedDTypes(op), ...derivedDTypes(op)].some(isComplex);
    if (!isDifferentiable || !(takesComplex || claimedDTypes(op).some(isFloat))) continue;
    // One case says why there are none.
    const count = skips?.["gradient"] === undefined ? samples.length : 1;
    for (let sample = 0; sample < count; sample++) {
      for (const kind of skips?.["gradient"] === undefined ? values : values.slice(0, 1)) {
        if (checks.includes("first")) {
          yield { op, sample, check: "first", values: kind, device: "reference" };
        }
        if (checks.includes("second") && (kind === "ordinary" || kind === "large")) {
          yield { op, sample, check: "second", values: kind, device: "reference" };
        }
        if (checks.includes("complex") && takesComplex && kind === "ordinary") {
          yield { op, sample, check: "complex", values: kind, device: "reference" };
        }
        if (!checks.includes("float32")) continue;
        for (const device of devices) yield { op, sample, check: "float32", values: kind, device };
      }
    }
  }
}

function skipReason({ op, check, values, device }: GradientCase): string | undefined {
  const { skips = {} } = op.definition;
  const dtype: DType = check === "float32" ? "float32" : "float64";
  if (check !== "complex" && !claimedDTypes(op).includes(dtype))
    return `${op.name} does not take ${dtype}`;
  if (!findDevice(device).backend.dtypes.has(dtype)) return `${device} has no ${dtype}`;
  const keys: SkipKey[] = ["gradient"];
  if (values !== "ordinary") keys.push(values);
  if (check === "second") keys.push("secondOrder");
  if (check === "float32") keys.push("float32");
  const key = keys.find((name) => skips[name] !== undefined);
  // A convention that central differences do not share still means the same in float32.
  if (key === undefined || (key === "tied" && check === "float32")) return undefined;
  return `${key}: ${skips[key]}`;
}

/** Runs one case. */
export function runGradientCase(one: GradientCase): Outcome {
  const reason = skipReason(one);
  if (reason !== undefined) return skip(reason);
  try {
    return scope(() =>
      one.check === "float32" ? compareWithDouble(one) : compareWithDifferences(one),
    );
  } catch (error) {
    if (one.check === "complex" && error instanceof DTypeError)
      return skip("complex128 is refused");
    return fail(String(error));
  }
}

interface Call {
  /** The op as a function of its tensors alone. */
  readonly run: (...tensors: Tensor[]) => Tensor[];
  readonly tensors: readonly Tensor[];
}

function callOf({ op, sample, values }: GradientCase, dtype: DType, device: string): Call {
  const inputs = argumentsOf(op, sample, { dtype, device, values, requiresGrad: true });
  return {
    tensors: tensorsIn(inputs),
    run: (...tensors) => tensorsIn(op.call(...(withTensors(inputs, tensors) as unknown[]))),
  };
}

/** The same call on the parts of complex tensors, along a last axis of size 2. */
function onParts({ run, tensors }: Call): Call {
  const isWhole = tensors.map((x) => x.isComplex);
  const parts = tensors.map((x, i) => {
    if (!isWhole[i]) return x;
    const data = Float64Array.from(x.dataSync() as Float64Array);
    const leaf = fromTypedArray(data, [...x.shape, 2], "float64", x.device);
    return x.requiresGrad ? trackGradient(leaf) : leaf;
  });
  const join = (x: Tensor, i: number): Tensor => (isWhole[i] ? viewAsComplex(x) : x);
  return { tensors: parts, run: (...given) => run(...given.map(join)) };
}

const noGradient = skip("no result or operand of this sample has a gradient");

function compareWithDifferences(one: GradientCase): Outcome {
  const { run, tensors } =
    one.check === "complex"
      ? onParts(callOf(one, "complex128", "reference"))
      : callOf(one, "float64", "reference");
  const isTracked = run(...tensors).some((result) => result.requiresGrad);
  const hasElements = tensors.some((tensor) => tensor.requiresGrad && tensor.size > 0);
  if (!isTracked || !hasElements) return noGradient;
  const check = one.check === "second" ? autograd.gradgradcheck : autograd.gradcheck;
  check(run, tensors);
  return pass;
}

/** Gradients of a fixed projection of the results. */
function gradients(one: GradientCase, dtype: DType, device: string): (Float64Array | undefined)[] {
  const { run, tensors } = callOf(one, dtype, device);
  const results = run(...tensors).filter((result) => result.requiresGrad);
  const wanted = tensors.filter((tensor) => tensor.requiresGrad);
  if (results.length === 0 || wanted.length === 0) return [];
  const next = uniformNumbers(seedOf(one.op.name));
  const gradOutputs = results.map((result) => {
    const data = Float32Array.from({ length: result.size }, () => 0.5 + next());
    return fromTypedArray(data, result.shape, "float32", result.device).cast(result.dtype);
  });
  return autograd
    .grad(results, wanted, { gradOutputs, allowUnused: true })
    .map((grad) => grad && Float64Array.from(grad.dataSync() as Float32Array));
}

function compareWithDouble(one: GradientCase): Outcome {
  const expected = gradients(one, "float64", "reference");
  if (expected.length === 0) return noGradient;
  const actual = gradients(one, "float32", one.device);
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i], expected[i]];
    if (b === undefined) {
      if (a !== undefined) return fail(`input ${i} has a gradient in float32 only`);
      continue;
    }
    const limited = b.map(toSingleRange);
    const largest = limited.reduce(
      (most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most),
      1,
    );
    const problem = differenceOfNumbers(a ?? [], limited, { rtol: 1e-4, atol: 1e-5 * largest });
    if (problem !== undefined) return fail(`gradient of input ${i}: ${problem}`);
  }
  return pass;
}

/** What float32 makes of a number: overflow is infinity, not an error. */
const toSingleRange = (x: number): number => Math.fround(x);

export function showGradientCase({ op, sample, check, values, device }: GradientCase): string {
  const what = {
    first: "gradcheck",
    second: "gradgradcheck",
    complex: "complex gradcheck",
    float32: `float32 gradient on ${device}`,
  };
  const parts = [`${op.name} ${what[check]}`, `sample ${sample}`];
  if (values !== "ordinary") parts.push(`${values} values`);
  return parts.join(", ");
}

/** Runs every gradient case and tells what became of each. */
export function runGradients(ops: readonly NamedOp[], options: GradientOptions = {}): Verdict[] {
  return [...gradientCases(ops, options)].map((one) => ({
    op: one.op.name,
    dtype: one.check === "float32" ? ("float32" as const) : ("float64" as const),
    device: one.device,
    label: showGradientCase(one),
    outcome: runGradientCase(one),
  }));
}
