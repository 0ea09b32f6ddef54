// Initialisers: they fill a parameter and return it. Layers call them as PyTorch's do by default.
import {
  FlambeauError,
  type Generator,
  type Tensor,
  type Variable,
  eagerly,
  noGrad,
  rand,
  randn,
  scope,
  tensor,
} from "@flambeau/core";
import { elementwise, s } from "@flambeau/core/extension";

export interface InitOptions {
  /** Default: the device's own, seeded by `manualSeed`. */
  readonly generator?: Generator;
}

/** Puts what `make` gives into the variable; recorded by no tape and no trace. */
function fill<V extends Variable>(variable: V, make: () => Tensor): V {
  eagerly(() => noGrad(() => scope(() => void variable.assign(make()))));
  return variable;
}

const like = ({ dtype, device }: Variable, { generator }: InitOptions) => ({
  dtype,
  device,
  ...(generator && { generator }),
});

/** Every element `value`. `torch.nn.init.constant_`. */
export const constant = <V extends Variable>(variable: V, value: number): V =>
  eagerly(() => variable.assign(value));

/** Every element 0. `torch.nn.init.zeros_`. */
export const zeros = <V extends Variable>(variable: V): V => constant(variable, 0);

/** Every element 1. `torch.nn.init.ones_`. */
export const ones = <V extends Variable>(variable: V): V => constant(variable, 1);

export interface UniformOptions extends InitOptions {
  readonly low?: number;
  readonly high?: number;
}

/** Uniform in `[low, high)`, default `[0, 1)`. `torch.nn.init.uniform_`. */
export function uniform<V extends Variable>(variable: V, options: UniformOptions = {}): V {
  const { low = 0, high = 1 } = options;
  return fill(variable, () =>
    rand(variable.shape, like(variable, options))
      .mul(high - low)
      .add(low),
  );
}

export interface NormalOptions extends InitOptions {
  readonly mean?: number;
  readonly std?: number;
}

/** Normal, default N(0, 1). `torch.nn.init.normal_`. */
export function normal<V extends Variable>(variable: V, options: NormalOptions = {}): V {
  const { mean = 0, std = 1 } = options;
  return fill(variable, () => randn(variable.shape, like(variable, options)).mul(std).add(mean));
}

const central = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503,
  -0.00417768164, 0.246640727, 1.50140941,
];
const tail = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
  0.00943887047, 1.00167406, 2.83297682,
];

/** The inverse error function to float32 accuracy: Giles, "Approximating the erfinv function", 2010. */
const erfinv = elementwise<(x: Tensor) => Tensor>("erfinv", (x) => {
  const w = s.neg(s.log(s.mul(s.sub(1, x!), s.add(1, x!))));
  const near = s.sub(w, 2.5);
  const far = s.sub(s.sqrt(w), 3);
  const polynomial = (coefficients: readonly number[], at: typeof w) =>
    coefficients
      .slice(1)
      .reduce((sum, c) => s.add(s.mul(sum, at), c), s.constant(coefficients[0]!, w.dtype));
  return s.mul(x!, s.select(s.lt(w, 5), polynomial(central, near), polynomial(tail, far)));
});

/** The error function on the host, to 1.2e-7: enough for the two limits of a distribution. */
function erf(x: number): number {
  const t = 1 / (1 + 0.5 * Math.abs(x));
  const series = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398,
    1.48851587, -0.82215223, 0.17087277,
  ];
  const exponent = series.reduceRight((sum, c) => sum * t + c, 0);
  const y = 1 - t * Math.exp(-x * x + exponent);
  return x >= 0 ? y : -y;
}

export interface TruncNormalOptions extends NormalOptions {
  readonly low?: number;
  readonly high?: number;
}

/** Normal, but limited to `[low, high]`, default [-2, 2]. `torch.nn.init.trunc_normal_`. */
export function truncNormal<V extends Variable>(variable: V, options: TruncNormalOptions = {}): V {
  const { mean = 0, std = 1, low = -2, high = 2 } = options;
  // erf(z/√2) of a uniform draw between the limits; its inverse is the draw.
  const [from, to] = [low, high].map((limit) => erf((limit - mean) / std / Math.SQRT2)) as [
    number,
    number,
  ];
  return fill(variable, () =>
    erfinv(
      rand(variable.shape, like(variable, options))
        .mul(to - from)
        .add(from),
    )
      .mul(std * Math.SQRT2)
      .add(mean)
      .maximum(low)
      .minimum(high),
  );
}

export type Nonlinearity =
  | "linear"
  | "conv1d"
  | "conv2d"
  | "conv3d"
  | "sigmoid"
  | "tanh"
  | "relu"
  | "leakyRelu"
  | "selu";

/** By how much a nonlinearity shrinks its input's spread. `torch.nn.init.calculate_gain`. */
export function calculateGain(nonlinearity: Nonlinearity, slope = 0.01): number {
  switch (nonlinearity) {
    case "tanh":
      return 5 / 3;
    case "relu":
      return Math.SQRT2;
    case "leakyRelu":
      return Math.sqrt(2 / (1 + slope ** 2));
    case "selu":
      return 3 / 4;
    default:
      return 1;
  }
}

/** How many inputs and outputs each weight connects: `[out, in, …kernel]`. */
export function fans({ shape }: Variable): { fanIn: number; fanOut: number } {
  if (shape.length < 2) {
    throw new FlambeauError(
      `init: fan in and fan out need a weight of two or more axes, [out, in, …], got shape ` +
        `[${shape.join(", ")}]. Use uniform or normal for vectors.`,
    );
  }
  const [outputs, inputs, ...kernel] = shape as [number, number, ...number[]];
  const field = kernel.reduce((product, n) => product * n, 1);
  return { fanIn: inputs * field, fanOut: outputs * field };
}

export interface XavierOptions extends InitOptions {
  readonly gain?: number;
}

const xavierStd = (variable: Variable, gain: number): number => {
  const { fanIn, fanOut } = fans(variable);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
};

const symmetric = (bound: number): UniformOptions => ({ low: -bound, high: bound });

/** Glorot and Bengio, 2010, uniform. `torch.nn.init.xavier_uniform_`. */
export function xavierUniform<V extends Variable>(variable: V, options: XavierOptions = {}): V {
  const bound = Math.sqrt(3) * xavierStd(variable, options.gain ?? 1);
  return uniform(variable, { ...options, ...symmetric(bound) });
}

/** Glorot and Bengio, 2010, normal. `torch.nn.init.xavier_normal_`. */
export const xavierNormal = <V extends Variable>(variable: V, options: XavierOptions = {}): V =>
  normal(variable, { ...options, std: xavierStd(variable, options.gain ?? 1) });

export interface KaimingOptions extends InitOptions {
  /** Slope of leakyRelu below 0. */
  readonly a?: number;
  readonly mode?: "fanIn" | "fanOut";
  readonly nonlinearity?: Nonlinearity;
}

function kaimingStd(variable: Variable, options: KaimingOptions): number {
  const { a = 0, mode = "fanIn", nonlinearity = "leakyRelu" } = options;
  return calculateGain(nonlinearity, a) / Math.sqrt(fans(variable)[mode]);
}

/** He et al., 2015, uniform. `torch.nn.init.kaiming_uniform_`. */
export function kaimingUniform<V extends Variable>(variable: V, options: KaimingOptions = {}): V {
  const bound = Math.sqrt(3) * kaimingStd(variable, options);
  return uniform(variable, { ...options, ...symmetric(bound) });
}

/** He et al., 2015, normal. `torch.nn.init.kaiming_normal_`. */
export const kaimingNormal = <V extends Variable>(variable: V, options: KaimingOptions = {}): V =>
  normal(variable, { ...options, std: kaimingStd(variable, options) });

/** Ones on the diagonal of a matrix. `torch.nn.init.eye_`. */
export function eye<V extends Variable>(variable: V): V {
  if (variable.ndim !== 2) {
    throw new FlambeauError(
      `init.eye: expected a matrix, got shape [${variable.shape.join(", ")}].`,
    );
  }
  return fillPositions(variable, ([row, column]) => row === column);
}

/**
 * Convolution weights that copy their input channels, as far as there are any.
 * `torch.nn.init.dirac_`.
 */
export function dirac<V extends Variable>(
  variable: V,
  options: { readonly groups?: number } = {},
): V {
  const [outputs = 0, inputs, ...kernel] = variable.shape;
  const perGroup = outputs / (options.groups ?? 1);
  return fillPositions(
    variable,
    ([output, input, ...at]) =>
      output! % perGroup === input! &&
      input! < inputs! &&
      at.every((position, axis) => position === Math.floor(kernel[axis]! / 2)),
  );
}

/** 1 where `isOne` holds, else 0. */
function fillPositions<V extends Variable>(
  variable: V,
  isOne: (index: readonly number[]) => boolean,
): V {
  const { shape, dtype, device, size } = variable;
  const values = Float32Array.from({ length: size }, (_, flat) => {
    const index = new Array<number>(shape.length);
    for (let axis = shape.length - 1, rest = flat; axis >= 0; axis--) {
      index[axis] = rest % shape[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    return isOne(index) ? 1 : 0;
  });
  return fill(variable, () => tensor(values, { shape, dtype, device }));
}
