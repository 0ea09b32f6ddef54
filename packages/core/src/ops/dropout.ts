// Dropout: random zeros while training.
import { isFloat } from "../dtype.ts";
import { DTypeError, FlambeauError } from "../errors.ts";
import type { Generator } from "../random.ts";
import { constant, s } from "../scalar/instruction.ts";
import type { Tensor } from "../tensor.ts";
import { type Op, composite } from "./define.ts";
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

function drop(
  name: string,
  x: Tensor,
  p: number,
  { training = true, generator }: DropoutOptions,
  maskShape: readonly number[],
): Tensor {
  requireProbability(name, p);
  if (!isFloat(x.dtype)) {
    throw new DTypeError(
      `${name}: expected a float dtype, got ${x.dtype}. Cast with to("float32").`,
    );
  }
  if (!training || p === 0) return x;
  if (p === 1) return mul(x, 0);
  const uniform = rand(maskShape, { dtype: x.dtype, device: x.device, generator });
  return kept(x, maskShape === x.shape ? uniform : expand(uniform, x.shape), p);
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

/** `dropout` of whole channels: `x` is `[batch, channels, …]`. Tompson et al., 2014. */
export const dropout2d: Op<(x: Tensor, p?: number, options?: DropoutOptions) => Tensor> =
  /* @__PURE__ */ composite(
    "dropout2d",
    (x: Tensor, p = 0.5, options: DropoutOptions = {}): Tensor => {
      const channels = x.shape.map((n, axis) => (axis < x.ndim - 2 ? n : 1));
      return drop("dropout2d", x, p, options, channels);
    },
    {
      samples: [
        (make) => [make([2, 3, 2, 2]), 0],
        (make) => [make([2, 3, 2, 2]), 0.5, { training: false }],
      ],
      dtypes: ["float32", "float64"],
    },
  );
