// Dropout: random zeros while training.
import { isFloat } from "../dtype.ts";
import { DTypeError, FlambeauError } from "../errors.ts";
import type { Generator } from "../random.ts";
import { constant, s } from "../scalar/instruction.ts";
import type { Tensor } from "../tensor.ts";
import { type Op, type Tested, composite } from "./define.ts";
import { ternary } from "./elementwise.ts";
import { mul } from "./arithmetic.ts";
import { rand } from "./random.ts";
import { expand } from "./view.ts";

/** `x / (1 - p)` where the uniform number is at least p, else 0. */
const kept = /* @__PURE__ */ ternary("dropout", (x, uniform, p) =>
  s.select(s.ge(uniform, p), s.div(x, s.sub(1, p)), constant(0, x.dtype)),
);

export interface DropoutOptions {
  /** Does nothing when false. Default true. */
  readonly training?: boolean;
  /** Default: the device's own generator. */
  readonly generator?: Generator;
}

function requireProbability(name: string, p: number): void {
  if (p >= 0 && p <= 1) return;
  throw new FlambeauError(`${name}: expected a probability from 0 to 1, got ${p}.`);
}

function requireFloat(name: string, x: Tensor): void {
  if (isFloat(x.dtype)) return;
  throw new DTypeError(`${name}: expected a float dtype, got ${x.dtype}. Cast with to("float32").`);
}

/** Which elements stay is drawn over `maskShape`; `keep` says what becomes of them and of the rest. */
function drop(
  name: string,
  x: Tensor,
  p: number,
  { training = true, generator }: DropoutOptions,
  maskShape: readonly number[],
  keep: (x: Tensor, uniform: Tensor, p: number) => Tensor = kept,
): Tensor {
  requireProbability(name, p);
  requireFloat(name, x);
  if (!training || p === 0) return x;
  if (p === 1) return mul(x, 0);
  const uniform = rand(maskShape, { dtype: x.dtype, device: x.device, generator });
  return keep(x, maskShape === x.shape ? uniform : expand(uniform, x.shape), p);
}

/**
 * Zeroes each element with probability `p` and scales the others by `1 / (1 - p)`, so that the
 * expectation stays. Srivastava et al., 2014.
 */
export const dropout: Op<(x: Tensor, p?: number, options?: DropoutOptions) => Tensor> =
  /* @__PURE__ */ composite(
    "dropout",
    (x: Tensor, p = 0.5, options: DropoutOptions = {}): Tensor =>
      drop("dropout", x, p, options, x.shape),
    {
      samples: [
        (make) => [make([2, 3]), 0],
        (make) => [make([2, 3]), 1],
        (make) => [make([2, 3]), 0.5, { training: false }],
      ],
      dtypes: ["float32", "float64"],
    },
  );

type Dropout = Op<(x: Tensor, p?: number, options?: DropoutOptions) => Tensor>;

/** 1 for each axis but batch and channels. Without a batch there are channels alone; never in 2d. */
const channelShape = (x: Tensor, spatial: number): number[] => {
  const leading = spatial === 2 ? 2 : Math.max(x.ndim - spatial, 1);
  return x.shape.map((n, axis) => (axis < leading ? n : 1));
};

const ofChannels = (name: string, spatial: number): Dropout =>
  composite(
    name,
    (x: Tensor, p = 0.5, options: DropoutOptions = {}): Tensor =>
      drop(name, x, p, options, channelShape(x, spatial)),
    {
      samples: [
        (make) => [make([2, 3, 2, 2, 2].slice(0, spatial + 2)), 0],
        (make) => [make([2, 3, 2, 2, 2].slice(0, spatial + 2)), 0.5, { training: false }],
      ],
      dtypes: ["float32", "float64"],
    },
  );

/** `dropout` of whole channels: `x` is `[batch, channels, length]`. Tompson et al., 2014. */
export const dropout1d: Dropout = /* @__PURE__ */ ofChannels("dropout1d", 1);
/** `dropout` of whole channels: `x` is `[batch, channels, height, width]`. Tompson et al., 2014. */
export const dropout2d: Dropout = /* @__PURE__ */ ofChannels("dropout2d", 2);
/** `dropout` of whole channels: `x` is `[batch, channels, depth, height, width]`. Tompson et al., 2014. */
export const dropout3d: Dropout = /* @__PURE__ */ ofChannels("dropout3d", 3);

/** What SELU tends to, far below 0. */
const lowest = -1.7580993408473766;

/** `lowest` where the uniform number is below p; then scaled back to mean 0 and variance 1. */
const keptAlpha = /* @__PURE__ */ ternary("alphaDropout", (x, uniform, p) => {
  const scale = s.div(1, s.sqrt(s.mul(s.add(s.mul(p, lowest * lowest), 1), s.sub(1, p))));
  const shift = s.mul(scale, s.mul(p, -lowest));
  const value = s.select(s.ge(uniform, p), x, constant(lowest, x.dtype));
  return s.add(s.mul(value, scale), shift);
});

const alphaTested = {
  samples: [
    (make) => [make([2, 3, 2]), 0],
    (make) => [make([2, 3, 2]), 1],
    (make) => [make([2, 3, 2]), 0.5, { training: false }],
  ],
  dtypes: ["float32", "float64"],
} as const satisfies Tested;

/**
 * Dropout for SELU networks: dropped elements take its lowest value, and mean 0 and variance 1 stay.
 * Klambauer et al., 2017.
 */
export const alphaDropout: Dropout = /* @__PURE__ */ composite(
  "alphaDropout",
  (x: Tensor, p = 0.5, options: DropoutOptions = {}): Tensor =>
    drop("alphaDropout", x, p, options, x.shape, keptAlpha),
  alphaTested,
);

/** `alphaDropout` of whole channels: `x` is `[batch, channels, …]`. */
export const featureAlphaDropout: Dropout = /* @__PURE__ */ composite(
  "featureAlphaDropout",
  (x: Tensor, p = 0.5, options: DropoutOptions = {}): Tensor => {
    const channels = x.shape.map((n, axis) => (axis < 2 ? n : 1));
    return drop("featureAlphaDropout", x, p, options, channels, keptAlpha);
  },
  alphaTested,
);
