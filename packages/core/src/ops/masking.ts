// Values replaced where a condition holds, or limited.
import { isContinuous, isFloat } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import { HostValue, type TensorLike } from "../operation.ts";
import { type Tensor, isTensor } from "../tensor.ts";
import { clampBetween, clampHigh, clampLow, where } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { composite, kinked } from "./define.ts";

const isFractional = (value: TensorLike): boolean =>
  isTensor(value)
    ? isFloat(value.dtype)
    : value instanceof HostValue || (typeof value === "number" && !Number.isInteger(value));

/** `x` with `value` where the bool `mask` (broadcast) is true; the dtype stays. */
export const maskedFill = /* @__PURE__ */ composite(
  "maskedFill",
  (x: Tensor, mask: Tensor, value: TensorLike): Tensor => {
    if (mask.dtype !== "bool") {
      throw new DTypeError(
        `maskedFill: expected a bool mask, got ${mask.dtype}. Compare it, for instance mask.ne(0).`,
      );
    }
    if (!isContinuous(x.dtype) && isFractional(value)) {
      throw new DTypeError(
        `maskedFill: ${x.dtype} cannot hold the value. Cast the tensor with to("float32"), ` +
          `or round the value.`,
      );
    }
    return cast(where(mask, value, x), x.dtype);
  },
  {
    samples: [
      (make) => [make([2, 3]), make.booleans([2, 3]), 1],
      (make) => [make([2, 3]), make.booleans([3]), 0],
      (make) => [make([2, 3]), make.booleans([2, 1]), make([])],
      (make) => [make([0, 3]), make.booleans([3]), 0],
    ],
  },
);

/** Limits of `clamp`, numbers or tensors that broadcast; a missing one does not limit. */
export interface ClampLimits {
  readonly min?: TensorLike;
  readonly max?: TensorLike;
}

/** `x` limited to `[min, max]`; on the limits the gradient passes. Where min > max, the result is max. */
export const clamp = /* @__PURE__ */ composite(
  "clamp",
  (x: Tensor, { min, max }: ClampLimits): Tensor => {
    if (min !== undefined && max !== undefined) return clampBetween(x, min, max);
    if (min !== undefined) return clampLow(x, min);
    if (max !== undefined) return clampHigh(x, max);
    throw new DTypeError("clamp: expected { min }, { max } or both.");
  },
  {
    samples: [
      (make) => [make([2, 3]), { min: -1, max: 1 }],
      (make) => [make([2, 3]), { min: 0 }],
      (make) => [make([2, 3]), { max: 1 }],
      (make) => [make([2, 3]), { min: make([3]), max: make([2, 1], 3, 4) }],
    ],
    skips: kinked,
  },
);
