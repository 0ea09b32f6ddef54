// Comparisons of whole tensors and comparisons with a tolerance.
import { isContinuous } from "../dtype.ts";
import type { TensorLike } from "../operation.ts";
import { type Scalar, constant, s } from "../scalar/instruction.ts";
import { sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { eq } from "./arithmetic.ts";
import { type Op, attach, composite } from "./define.ts";
import { elementwise } from "./elementwise.ts";
import { all } from "./reduction.ts";

export interface ClosenessOptions {
  /** Accepted difference as a part of `|y|`. Default 1e-5. */
  readonly rtol?: number;
  /** Accepted difference. Default 1e-8. */
  readonly atol?: number;
  /** Whether NaN equals NaN. Default false. */
  readonly equalNan?: boolean;
}

const isNaN = (x: Scalar): Scalar => (isContinuous(x.dtype) ? s.isNaN(x) : constant(false, "bool"));

type Close = (
  x: TensorLike,
  y: TensorLike,
  rtol: number,
  atol: number,
  equalNan: boolean,
) => Tensor;

const close: Op<Close> = /* @__PURE__ */ elementwise(
  "isclose",
  (x, y, rtol, atol, equalNan) => {
    // Differences of integers are taken in float64, where they cannot wrap.
    const [a, b] = [x!, y!].map((one) => (isContinuous(one.dtype) ? one : s.cast(one, "float64")));
    const difference = s.abs(s.sub(a!, b!));
    const { dtype } = difference;
    const accepted = s.add(s.cast(atol!, dtype), s.abs(s.mul(s.cast(rtol!, dtype), s.abs(b!))));
    const isNear = s.and(s.lt(difference, Infinity), s.le(difference, accepted));
    const isSame = s.or(s.eq(x!, y!), s.and(equalNan!, s.and(isNaN(a!), isNaN(b!))));
    return s.or(isSame, isNear);
  },
  { apart: [2, 3, 4] },
);

/** Whether `|x - y| ≤ atol + rtol · |y|`, element by element; infinities equal themselves. */
export const isclose: Op<(x: TensorLike, y: TensorLike, options?: ClosenessOptions) => Tensor> =
  /* @__PURE__ */ attach(
    (
      x: TensorLike,
      y: TensorLike,
      { rtol = 1e-5, atol = 1e-8, equalNan = false }: ClosenessOptions = {},
    ): Tensor => close(x, y, rtol, atol, equalNan),
    {
      ...close.definition,
      samples: [
        (make) => [make([2, 3]), make([2, 3])],
        (make) => [make([2, 3]), make([3]), { rtol: 0.5, atol: 0.5, equalNan: true }],
      ],
      skips: { gradient: "the result is bool" },
    },
  );

const noTensor = {
  "shape-only": "the answer is read from the values",
  traced: "the answer is read from the values",
  gradient: "the result is a boolean",
} as const;

/** Whether all elements are close: `isclose(x, y).all()`, read at once. */
export const allclose: Op<(x: Tensor, y: Tensor, options?: ClosenessOptions) => boolean> =
  /* @__PURE__ */ composite(
    "allclose",
    (x: Tensor, y: Tensor, options?: ClosenessOptions): boolean =>
      all(isclose(x, y, options)).itemSync() === 1,
    {
      samples: [
        (make) => [make([2, 3]), make([2, 3])],
        (make) => [make([2, 3]), make([3]), { rtol: 0.5, atol: 5 }],
      ],
      skips: noTensor,
      isDifferentiable: false,
    },
  );

/** Whether shapes and all elements are equal, read at once; NaN equals nothing. */
export const equal: Op<(x: Tensor, y: Tensor) => boolean> = /* @__PURE__ */ composite(
  "equal",
  (x: Tensor, y: Tensor): boolean => sameShape(x.shape, y.shape) && all(eq(x, y)).itemSync() === 1,
  {
    samples: [(make) => [make([2, 3]), make([2, 3])], (make) => [make([2, 3]), make([3, 2])]],
    skips: noTensor,
    isDifferentiable: false,
  },
);
