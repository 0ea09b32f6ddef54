// Products of batches of vectors.
import type { Tensor } from "../../tensor.ts";
import { mul } from "../arithmetic.ts";
import { conj } from "../complex.ts";
import { composite } from "../define.ts";
import { sum } from "../reduction.ts";

/** The inner products of vectors along an axis, the first ones conjugated; both broadcast. */
export const vecdot = /* @__PURE__ */ composite(
  "vecdot",
  (x: Tensor, y: Tensor, axis = -1): Tensor => sum(mul(conj(x), y), axis),
  {
    samples: [
      (make) => [make([2, 3]), make([2, 3])],
      (make) => [make([4, 1, 2]), make([3, 1]), -2],
    ],
    dtypes: ["float32", "float64", "complex64", "complex128"],
  },
);
