// Determinants and their logarithms.
import { apply } from "../../apply.ts";
import { type DType, isComplex, realDType, wordsOf } from "../../dtype.ts";
import type { Operation } from "../../operation.ts";
import type { Tensor } from "../../tensor.ts";
import { add, lt, mul, neg, sub, where } from "../arithmetic.ts";
import { complex, conj, imag } from "../complex.ts";
import { zerosLike } from "../creation.ts";
import { composite, expose } from "../define.ts";
import { log } from "../math.ts";
import { matmul } from "../matmul.ts";
import { sum } from "../reduction.ts";
import { unsqueeze } from "../view.ts";
import { inv } from "./inverse.ts";
import { eliminationOf } from "./elimination.ts";
import { type NoAttributes, adjoint, batchShape, matrixPrimitive, matrixRoutine, numbers, requireSquareNumbers, transposed } from "./matrices.ts"; // prettier-ignore
import { eliminateComplex, substituteComplex } from "./numeric-complex.ts";
import { singularFactors } from "./numeric-singular.ts";
import { refusesExtremes, regular } from "./samples.ts";

/** `[…]` next to matrices `[…, n, n]`. */
const perMatrix = (x: Tensor): Tensor => unsqueeze(unsqueeze(x, -1), -1);

/** What elimination leaves of a matrix: its sign times the pivots is the determinant. */
function pivotsOf(a: Float64Array, n: number, dtype: DType) {
  const { sign } = eliminationOf(dtype).eliminate(a, n, new Int32Array(n));
  const words = wordsOf(dtype);
  const part = (i: number, word: number): number => a[words * (i * n + i) + word]!;
  return { sign, re: (i: number) => part(i, 0), im: (i: number) => (words === 2 ? part(i, 1) : 0) };
}

/** The determinant; `a` is overwritten. */
function determinant(a: Float64Array, n: number, dtype: DType): readonly [number, number] {
  const pivots = pivotsOf(a, n, dtype);
  let [re, im] = [pivots.sign, 0];
  for (let i = 0; i < n; i++) {
    const [x, y] = [pivots.re(i), pivots.im(i)];
    // A real product must not meet infinity times zero.
    [re, im] = y === 0 && im === 0 ? [re * x, 0] : [re * x - im * y, re * y + im * x];
  }
  return [re, im];
}

const determinantOperation: Operation<NoAttributes> = /* @__PURE__ */ matrixPrimitive({
  name: "det",
  infer: ([x]) => [{ shape: batchShape(x!), dtype: x!.dtype }],
  lower([x], _, outputs) {
    const n = x!.shape.at(-1)!;
    return matrixRoutine("det", [x!], outputs, batchShape(x!), ([a], [result]) => {
      result!.set(determinant(a!, n, x!.dtype).slice(0, result!.length));
    });
  },
  saves: () => ({ inputs: [0] }),
  gradient: ({ grads, input }) => {
    const cofactors = apply(cofactorOperation, [input(0)], {})[0]!;
    return [mul(perMatrix(grads[0]!), conj(cofactors))];
  },
});

/** `det(A) · A⁻ᵀ` of a complex matrix; NaN where it is singular. */
function complexCofactors(a: Float64Array, n: number, result: Float64Array): void {
  const pivots = new Int32Array(n);
  const factors = a.slice();
  const { zeroPivot } = eliminateComplex(factors, n, pivots);
  if (zeroPivot >= 0) return void result.fill(NaN);
  const [re, im] = determinant(a, n, "complex128");
  const scaled = new Float64Array(2 * n * n);
  for (let i = 0; i < n; i++) scaled.set([re, im], 2 * (i * n + i));
  substituteComplex(factors, n, pivots, scaled, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const from = 2 * (j * n + i);
      result.set(scaled.subarray(from, from + 2), 2 * (i * n + j));
    }
  }
}

/** The cofactors of a real matrix, of any rank. */
function realCofactors(a: Float64Array, n: number, result: Float64Array): void {
  const factors = singularFactors(a, n, n, true);
  if (factors === undefined) return void result.fill(NaN);
  const { values, left, right } = factors;
  const signOf = (rows: Float64Array) => Math.sign(determinant(rows.slice(), n, "float64")[0]);
  const sign = signOf(left) * signOf(right);
  for (let k = 0; k < n; k++) {
    const others = values.reduce(
      (product, value, i) => (i === k ? product : product * value),
      sign,
    );
    for (let i = 0; i < n; i++) {
      const factor = others * left[k * n + i]!;
      for (let j = 0; j < n; j++) {
        result[i * n + j] = result[i * n + j]! + factor * right[k * n + j]!;
      }
    }
  }
}

/** The derivative of the determinant, of real matrices also where they are singular. */
const cofactorOperation: Operation<NoAttributes> = /* @__PURE__ */ matrixPrimitive({
  name: "cofactor",
  infer: ([x]) => [x!],
  lower([x], _, outputs) {
    const n = x!.shape.at(-1)!;
    return matrixRoutine("cofactor", [x!], outputs, batchShape(x!), ([a], [result]) => {
      (isComplex(x!.dtype) ? complexCofactors : realCofactors)(a!, n, result!);
    });
  },
  saves: () => ({ inputs: [0], outputs: [0] }),
  // Of det(A) · A⁻ᵀ: there is no inverse-free formula that is short.
  gradient: ({ grads, input, output }) => {
    const [flipped, cofactors] = [adjoint(inv(input(0))), conj(output(0))];
    const along = perMatrix(sum(mul(grads[0]!, flipped), [-2, -1]));
    const across = matmul(matmul(flipped, transposed(grads[0]!)), cofactors);
    return [sub(mul(along, cofactors), across)];
  },
});

const samples = [
  (make) => [regular(make, [3, 3])],
  (make) => [regular(make, [2, 2, 2])],
  (make) => [make([1, 1])],
  (make) => [make([2, 0, 0])],
] satisfies Parameters<typeof expose>[2]["samples"];

/**
 * Determinants of `[…, n, n]`. Second derivatives need regular matrices, and so does the first of complex
 * ones.
 */
export const det = /* @__PURE__ */ expose(
  determinantOperation,
  (x: Tensor): Tensor => {
    requireSquareNumbers("linalg.det", x);
    return apply(determinantOperation, [x], {})[0]!;
  },
  { samples, dtypes: numbers, skips: refusesExtremes },
);

/** Sign of the determinant and logarithm of its absolute value. */
const logarithmOperation: Operation<NoAttributes> = /* @__PURE__ */ matrixPrimitive({
  name: "slogdet",
  infer: ([x]) => {
    const { dtype } = x!;
    const shape = batchShape(x!);
    return [
      { shape, dtype },
      { shape, dtype: realDType(dtype) },
    ];
  },
  lower([x], _, outputs) {
    const { shape, dtype } = x!;
    const n = shape.at(-1)!;
    return matrixRoutine("slogdet", [x!], outputs, batchShape(x!), ([a], [sign, logarithm]) => {
      const pivots = pivotsOf(a!, n, dtype);
      let [re, im] = [pivots.sign, 0];
      for (let i = 0; i < n; i++) {
        const size = Math.hypot(pivots.re(i), pivots.im(i));
        const [c, s] = size === 0 ? [0, 0] : [pivots.re(i) / size, pivots.im(i) / size];
        [re, im] = [re * c - im * s, re * s + im * c];
        logarithm![0] = logarithm![0]! + Math.log(size);
      }
      sign![0] = re;
      if (isComplex(dtype)) sign![1] = im;
    });
  },
  saves: (_, [x]) => ({ inputs: [0], outputs: isComplex(x!.dtype) ? [0] : [] }),
  gradient: ({ grads: [gradSign, gradLog], input, output }) => {
    const matrix = input(0);
    let factor = gradLog;
    if (isComplex(matrix.dtype) && gradSign !== undefined) {
      // The sign turns by the imaginary part of what the logarithm of the determinant changes.
      const turn = neg(imag(mul(conj(gradSign), output(0))));
      factor = complex(gradLog ?? zerosLike(turn), turn);
    }
    return [factor && mul(perMatrix(factor), adjoint(inv(matrix)))];
  },
});

export interface LogDeterminant {
  /** -1, 0 or 1; of complex matrices 0 or a number of absolute value 1. */
  readonly sign: Tensor;
  /** -Infinity where the sign is 0. */
  readonly logabsdet: Tensor;
}

/** Sign of the determinant of `[…, n, n]` and logarithm of its absolute value: `{ sign, logabsdet }`. */
export const slogdet = /* @__PURE__ */ expose(
  logarithmOperation,
  (x: Tensor): LogDeterminant => {
    requireSquareNumbers("linalg.slogdet", x);
    const [sign, logabsdet] = apply(logarithmOperation, [x], {});
    return { sign: sign!, logabsdet: logabsdet! };
  },
  {
    samples: samples.slice(0, 2),
    dtypes: numbers,
    skips: refusesExtremes,
  },
);

/**
 * Logarithm of the determinant of `[…, n, n]`: NaN where it is negative, -Infinity where it is 0; complex for
 * complex matrices.
 */
export const logdet = /* @__PURE__ */ composite(
  "logdet",
  (x: Tensor): Tensor => {
    const { sign, logabsdet } = slogdet(x);
    if (isComplex(x.dtype)) return add(log(sign), logabsdet);
    return where(lt(sign, 0), NaN, logabsdet);
  },
  { samples: samples.slice(0, 2), dtypes: numbers, skips: refusesExtremes },
);
