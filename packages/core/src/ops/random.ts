// Random tensors. Each call takes the generator's state as an operand and advances it, so that
// traced programs draw new numbers on each replay.
import { apply } from "../apply.ts";
import type { MapKernel, RoutineKernel } from "../compiler/kernel.ts";
import { contiguousStore } from "../compiler/lower.ts";
import { type DType, isBig, isComplex, isContinuous, realDType, valueDType } from "../dtype.ts";
import { DTypeError, FlambeauError, ShapeError } from "../errors.ts";
import { noGrad } from "../modes.ts";
import type { Operation } from "../operation.ts";
import { type Generator, defaultGenerator, threefryScalars } from "../random.ts";
import { type Device, defaultDevice, device as findDevice } from "../runtime/device.ts";
import { type Scalar, constant, leaf, s } from "../scalar/instruction.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { type TensorOptions, tensor, trackGradient } from "./creation.ts";
import { add } from "./arithmetic.ts";
import { primitive } from "./define.ts";

export interface RandomOptions extends TensorOptions {
  /** Default: the device's own generator, seeded by `manualSeed`. */
  readonly generator?: Generator;
}

type Distribution = "words" | "uniform" | "normal";

interface DrawAttributes {
  readonly [name: string]: readonly number[] | string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly distribution: Distribution;
}

/** As many random bits as the dtype's numbers below 1 have: all of them are drawn, and never 1. */
const uniformBits: { readonly [dtype: string]: number } = {
  float32: 24,
  float16: 11,
  bfloat16: 8,
};

/** Random bits as a number in [0, 1), in float64 for float64, else in float32. */
function uniformOf(high: Scalar, low: Scalar, dtype: DType): Scalar {
  const bits = uniformBits[dtype];
  if (bits !== undefined) return s.mul(s.cast(s.shrU(high, 32 - bits), "float32"), 2 ** -bits);
  const upper = s.mul(s.cast(s.shrU(high, 6), "float64"), 2 ** -26);
  return s.add(upper, s.mul(s.cast(s.shrU(low, 5), "float64"), 2 ** -53));
}

type Words = readonly [Scalar, Scalar];

/** Box and Muller's transform; 1 - u keeps the logarithm finite. */
function normalOf(words: Words, more: Words, dtype: DType): Scalar {
  const part = valueDType(dtype);
  // The parts of a complex number have half the variance each.
  const scale = isComplex(dtype) ? -1 : -2;
  const radius = s.sqrt(s.mul(scale, s.log(s.sub(1, uniformOf(words[0], more[0], part)))));
  const angle = s.mul(2 * Math.PI, uniformOf(words[1], more[1], part));
  const value = s.mul(radius, s.cos(angle));
  return isComplex(dtype) ? s.complex(value, s.mul(radius, s.sin(angle))) : value;
}

function uniformNumber(words: Words, more: Words, dtype: DType): Scalar {
  if (!isComplex(dtype)) return uniformOf(words[0], words[1], dtype);
  const part = realDType(dtype);
  return s.complex(uniformOf(words[0], more[0], part), uniformOf(words[1], more[1], part));
}

const drawOperation: Operation<DrawAttributes> = /* @__PURE__ */ primitive({
  name: "random",
  traits: { isRandom: true },
  infer: (_, { shape, dtype }) => [{ shape, dtype }],
  lower([state], { shape, dtype, distribution }): MapKernel {
    const axes = [sizeOf(shape)];
    const step = state!.layout.strides[0]!;
    const loads = [0, 1, 2].map((i) => ({
      operand: 0,
      dtype: "int32" as const,
      offset: i * step,
      strides: [0],
    }));
    const [k0, k1, call] = loads.map((_, i) => leaf("load", i, "int32")) as [
      Scalar,
      Scalar,
      Scalar,
    ];
    const index = leaf("index", 0, "int32");
    const words = threefryScalars(k0, k1, index, call);
    const more = (): [Scalar, Scalar] =>
      threefryScalars(k0, s.bitXor(k1, constant(0x40000000, "int32")), index, call);
    const others = valueDType(dtype) === "float64" ? more() : words;
    const value =
      distribution === "words"
        ? words[0]
        : distribution === "uniform"
          ? uniformNumber(words, others, dtype)
          : normalOf(words, others, dtype);
    const stored = contiguousStore(axes, s.cast(value, dtype));
    return { kind: "map", axes, loads, params: [], stores: [stored] };
  },
});

function draw(
  name: string,
  shape: Shape,
  distribution: Distribution,
  options: RandomOptions,
): Tensor {
  if (!Array.isArray(shape) || shape.some((n) => !Number.isInteger(n) || n < 0)) {
    throw new ShapeError(
      `${name}: expected a shape, an array of non-negative integers, got ${JSON.stringify(shape)}.`,
    );
  }
  const dtype = options.dtype ?? "float32";
  if (distribution !== "words" && !isContinuous(dtype)) {
    throw new DTypeError(`${name}: expected a float dtype, got ${dtype}.`);
  }
  return drawFrom(name, options, (state) => apply(drawOperation, [state], { shape, dtype, distribution })[0]!); // prettier-ignore
}

/** Calls `body` with a generator's state, then advances the generator. @internal */
export function drawFrom(
  name: string,
  options: RandomOptions,
  body: (state: Tensor) => Tensor,
): Tensor {
  const device = deviceFor(name, options);
  const { state } = options.generator ?? defaultGenerator(device);
  const result = body(state);
  noGrad(() => {
    const once = callCounter(device);
    const next = add(state, once);
    state.assign(next);
    next.dispose();
  });
  return options.requiresGrad ? trackGradient(result) : result;
}

function deviceFor(name: string, { generator, device }: RandomOptions): Device {
  const asked = typeof device === "string" ? findDevice(device) : device;
  if (generator !== undefined && asked !== undefined && generator.device !== asked) {
    throw new FlambeauError(
      `${name}: the generator is on ${generator.device.name}, but ${asked.name} was asked for.`,
    );
  }
  return generator?.device ?? asked ?? defaultDevice();
}

const counters = new Map<Device, Tensor>();

/** `[0, 0, 1]`: what a call adds to a generator's state. */
function callCounter(device: Device): Tensor {
  let found = counters.get(device);
  if (found === undefined) {
    const made = tensor([0, 0, 1], { dtype: "int32", device });
    // An alias belongs to no scope.
    found = made.alias();
    made.dispose();
    counters.set(device, found);
  }
  return found;
}

/** Uniform values in `[0, 1)`. */
export const rand = (shape: Shape, options: RandomOptions = {}): Tensor =>
  draw("rand", shape, "uniform", options);

/** Values from the standard normal distribution. */
export const randn = (shape: Shape, options: RandomOptions = {}): Tensor =>
  draw("randn", shape, "normal", options);

/** Random 32-bit words as int32. */
export const randomWords = (shape: Shape, options: Omit<RandomOptions, "dtype"> = {}): Tensor =>
  draw("randomWords", shape, "words", { ...options, dtype: "int32" });

/** `rand` of the shape, dtype and device of `x`. */
export const randLike = (x: Tensor, options: RandomOptions = {}): Tensor =>
  rand(x.shape, { dtype: x.dtype, device: x.device, ...options });

/** `randn` of the shape, dtype and device of `x`. */
export const randnLike = (x: Tensor, options: RandomOptions = {}): Tensor =>
  randn(x.shape, { dtype: x.dtype, device: x.device, ...options });

interface IntegerAttributes {
  readonly [name: string]: readonly number[] | string | number;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly low: number;
  readonly range: number;
}

/** Words to integers: 53 bits scaled to the range, whose bias is below 2^-21 for any int32 range. */
const integerOperation: Operation<IntegerAttributes> = /* @__PURE__ */ primitive({
  name: "randomIntegers",
  infer: (_, { shape, dtype }) => [{ shape, dtype }],
  lower([uniform], { dtype, low, range }): MapKernel {
    const { shape, layout } = uniform!;
    const scaled = s.floor(s.mul(leaf("load", 0, "float64"), range));
    const value = s.cast(s.add(scaled, low), dtype);
    return {
      kind: "map",
      axes: shape,
      loads: [{ operand: 0, dtype: "float64", offset: 0, strides: layout.strides }],
      params: [],
      stores: [contiguousStore(shape, value)],
    };
  },
});

/** Integers from `low` up to but without `high`, all equally likely. Default dtype int64. */
export function randint(
  low: number,
  high: number,
  shape: Shape,
  options: RandomOptions = {},
): Tensor {
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || high <= low) {
    throw new ShapeError(`randint: expected integers low < high, got ${low} and ${high}.`);
  }
  const dtype = options.dtype ?? "int64";
  const uniform = draw("randint", shape, "uniform", { ...options, dtype: "float64" });
  const result = apply(integerOperation, [uniform], { shape, dtype, low, range: high - low })[0]!;
  uniform.dispose();
  return result;
}

const permutationOperation: Operation<{ dtype: DType }> = /* @__PURE__ */ primitive({
  name: "randomPermutation",
  infer: ([words], { dtype }) => [{ shape: words!.shape, dtype }],
  lower: ([words], { dtype }, outputs): RoutineKernel => ({
    kind: "routine",
    name: "randomPermutation",
    inputs: [words!],
    outputs,
    run([keys], [result]) {
      const order = Uint32Array.from({ length: keys!.length }, (_, i) => i);
      order.sort((a, b) => Number(keys![a]!) - Number(keys![b]!) || a - b);
      const big = isBig(dtype);
      order.forEach((value, i) => (result![i] = (big ? BigInt(value) : value) as never));
    },
  }),
});

/** The integers `0 … n - 1` in random order. Default dtype int64. */
export function randperm(n: number, options: RandomOptions = {}): Tensor {
  const words = draw("randperm", [n], "words", { ...options, dtype: "int32" });
  const result = apply(permutationOperation, [words], { dtype: options.dtype ?? "int64" })[0]!;
  words.dispose();
  return result;
}
