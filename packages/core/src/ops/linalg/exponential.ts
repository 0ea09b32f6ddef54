// The matrix exponential, and powers of matrices.
import { apply } from "../../apply.ts";
import { FlambeauError } from "../../errors.ts";
import type { Operation } from "../../operation.ts";
import type { Tensor } from "../../tensor.ts";
import { zerosLike } from "../creation.ts";
import { composite, expose } from "../define.ts";
import { concat } from "../join.ts";
import { positivePower } from "../products.ts";
import { slice } from "../view.ts";
import { inv } from "./inverse.ts";
import { type NoAttributes, batchShape, floats, matrixPrimitive, matrixRoutine, requireSquare, transposed } from "./matrices.ts"; // prettier-ignore
import { exponential } from "./numeric-exponential.ts";
import { refusesExtremes, regular } from "./samples.ts";

const exponentialOperation: Operation<NoAttributes> = /* @__PURE__ */ matrixPrimitive({
  name: "matrixExp",
  infer: ([x]) => [x!],
  lower([x], _, outputs) {
    const n = x!.shape.at(-1)!;
    return matrixRoutine("matrixExp", [x!], outputs, batchShape(x!), ([a], [result]) => {
      result!.set(exponential(a!, n));
    });
  },
  saves: () => ({ inputs: [0] }),
  // exp of [[Aᵀ, G], [0, Aᵀ]] has the gradient in its corner (Mathias, 1996).
  gradient: ({ grads, input }) => {
    const flipped = transposed(input(0));
    const n = flipped.shape.at(-1)!;
    const top = concat([flipped, grads[0]!], -1);
    const bottom = concat([zerosLike(flipped), flipped], -1);
    const whole = apply(exponentialOperation, [concat([top, bottom], -2)], {})[0]!;
    return [slice(slice(whole, -2, { end: n }), -1, { start: n })];
  },
});

/** The exponential `1 + A + A²/2 + …` of each matrix `[…, n, n]`. */
export const matrixExp = /* @__PURE__ */ expose(
  exponentialOperation,
  (x: Tensor): Tensor => {
    requireSquare("linalg.matrixExp", x);
    return apply(exponentialOperation, [x], {})[0]!;
  },
  {
    samples: [
      (make) => [make([3, 3], -1, 1)],
      (make) => [make([2, 2, 2], -3, 3)],
      (make) => [make([1, 1], -1, 1)],
      (make) => [make([0, 0])],
    ],
    dtypes: floats,
  },
);

/** Square matrices `[…, n, n]` multiplied by themselves `n` times; negative powers of the inverse. */
export const matrixPower = /* @__PURE__ */ composite(
  "matrixPower",
  (x: Tensor, n: number): Tensor => {
    requireSquare("linalg.matrixPower", x);
    if (!Number.isInteger(n)) {
      throw new FlambeauError(`linalg.matrixPower: expected a whole exponent, got ${n}.`);
    }
    return n < 0 ? positivePower(inv(x), -n) : positivePower(x, n);
  },
  {
    samples: [
      (make) => [make([3, 3]), 3],
      (make) => [regular(make, [2, 2, 2]), -2],
      (make) => [make([2, 2]), 0],
    ],
    dtypes: floats,
    skips: refusesExtremes,
  },
);
