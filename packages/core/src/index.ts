// The public surface of core. Ops and actions become methods of Tensor here. What authors of ops and
// backends need is in extension.ts.
import { actions } from "./actions.ts";
import { isOp } from "./ops/define.ts";
import * as functions from "./ops/functions.ts";
import * as ops from "./ops/index.ts";
import { Tensor } from "./tensor.ts";

const marker = Symbol.for("flambeau.core");
const scopeOfPage = globalThis as { [marker]?: boolean };
if (scopeOfPage[marker]) {
  throw new Error(
    "flambeau: two copies of the core are loaded, and their tensors would not know each other. " +
      "Check for duplicate versions with `npm ls flambeau`, and dedupe them.",
  );
}
scopeOfPage[marker] = true;

function attach(name: string, call: (...inputs: never[]) => unknown): void {
  const bound = call as (...inputs: unknown[]) => unknown;
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: unknown[]) {
      return bound(this, ...rest);
    },
    writable: true,
    configurable: true,
  });
}

for (const [name, op] of Object.entries(ops)) {
  if (isOp(op) && !Object.hasOwn(functions, name)) attach(name, op);
}
for (const [name, action] of Object.entries(actions)) attach(name, action);

export * as autograd from "./autograd/index.ts";
export * as distributions from "./distributions/index.ts";
export * as debug from "./debug/index.ts";
export * as func from "./func/index.ts";
export * as fft from "./ops/fft/index.ts";
export * as linalg from "./ops/linalg/index.ts";
export * from "./ops/index.ts";
export * from "./errors.ts";
export { type ComplexNumber, type DType, type TypedArray, dtypes } from "./dtype.ts";
export type { Shape } from "./shape.ts";
export { type NestedArray, Tensor, isTensor } from "./tensor.ts";
export { Parameter, Variable } from "./variable.ts";
export { HostValue, type TensorLike } from "./operation.ts";
export type { Index, IndexItem } from "./ops/index-plan.ts";
export {
  type NestedInput, type TensorOptions,
  arange, eye, full, fullLike, linspace, ones, onesLike, tensor, zeros, zerosLike,
} from "./ops/creation.ts"; // prettier-ignore
export { type TriangleIndexOptions, trilIndices, triuIndices } from "./ops/diagonal.ts";
export type { PadMode } from "./ops/pad-modes.ts";
export { type LogspaceOptions, logspace } from "./ops/sequences.ts";
export type { ClassOptions, CrossEntropyOptions } from "./ops/class-loss.ts";
export type {
  BinaryOptions, HuberOptions, LogitsOptions, LossOptions, LossReduction, SmoothL1Options,
} from "./ops/loss.ts"; // prettier-ignore
export type { IstftOptions, StftOptions } from "./ops/fft/spectrogram.ts";
export {
  type HammingOptions, type KaiserOptions, type WindowOptions,
  bartlettWindow, blackmanWindow, hammingWindow, hannWindow, kaiserWindow,
} from "./ops/fft/windows.ts"; // prettier-ignore
export type { AttentionOptions } from "./ops/attention.ts";
export type { CtcLengths, CtcOptions, Lengths } from "./ops/ctc-loss.ts";
export type {
  TripletDistanceOptions,
  TripletMarginOptions,
  TripletOptions,
} from "./ops/distance-loss.ts";
export type { AffineGridOptions, GridSampleOptions } from "./ops/grid-sample.ts";
export type { InterpolateMode, InterpolateOptions } from "./ops/interpolate.ts";
export type { MarginOptions, MultiMarginOptions, MultilabelOptions } from "./ops/margin-loss.ts";
export type { GaussianOptions, KlOptions, PoissonOptions } from "./ops/probability-loss.ts";
export type {
  LstmState, LstmWeights, RecurrentOptions, RecurrentWeights, RnnOptions,
} from "./ops/recurrent.ts"; // prettier-ignore
export type { LpPoolOptions, MaxUnpoolOptions } from "./ops/unpool.ts";
export {
  type RandomOptions, rand, randLike, randint, randn, randnLike, randomWords, randperm,
} from "./ops/random.ts"; // prettier-ignore
export {
  type CauchyOptions, type ExponentialOptions, type LogNormalOptions, type NormalOptions,
  cauchy, exponential, geometric, logNormal, normal,
} from "./ops/draws.ts"; // prettier-ignore
export { Generator, manualSeed } from "./random.ts";
export type { HookHandle } from "./actions.ts";
export {
  type MatmulPrecision, eagerly, enableGrad, isGradEnabled, matmulPrecision, noGrad,
} from "./modes.ts"; // prettier-ignore
export { guarded } from "./state.ts";
export { scope } from "./scope.ts";
export type { Graph, GraphNode, GraphValue } from "./graph/graph.ts";
export { printGraph } from "./graph/print.ts";
export { type Traced, hostValue, trace } from "./graph/trace.ts";
export {
  Device, defaultDevice, device, deviceNames, registerBackend, setDefaultDevice, settle,
} from "./runtime/device.ts"; // prettier-ignore
