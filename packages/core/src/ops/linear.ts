// The affine map `x · weightᵀ + bias` as one contraction over all rows of x, with the bias added as sums are
// stored. The gradient of the weight is laid out like the weight.
import { apply, applyInto } from "../apply.ts";
import type { ContractKernel, Load } from "../compiler/kernel.ts";
import { contiguousStore } from "../compiler/lower.ts";
import { promoteTypes } from "../dtype.ts";
import { ShapeError, showShape } from "../errors.ts";
import type { OperandDescription, Operation } from "../operation.ts";
import { leaf, s } from "../scalar/instruction.ts";
import { sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { conj } from "./complex.ts";
import { expose, primitive } from "./define.ts";
import { matmul } from "./matmul.ts";
import { sum } from "./reduction.ts";
import { reshape, transpose, unsqueeze } from "./view.ts";

/** All but the last axis as one. */
const rows = (x: Tensor): Tensor =>
  x.ndim === 2 ? x : reshape(x, [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1)!]);

/** x `[…, in]`, weight `[out, in]` and maybe bias `[out]`, of one dtype → `[…, out]`. */
const linearOperation: Operation<Record<string, never>> = /* @__PURE__ */ primitive({
  name: "linear",
  infer: ([x, weight]) => [
    { shape: [...x!.shape.slice(0, -1), weight!.shape[0]!], dtype: x!.dtype },
  ],
  lower([x, weight, bias], _, [output]): ContractKernel {
    const { shape, dtype } = output!;
    const leading = shape.length - 1;
    const none = new Array<number>(leading).fill(0);
    const load = (operand: number, from: OperandDescription, strides: readonly number[]): Load => ({
      operand,
      dtype: from.dtype,
      offset: 0,
      strides,
    });
    const last = x!.layout.strides.at(-1)!;
    const [ofOut, ofIn] = weight!.layout.strides as [number, number];
    const total = leaf("state", 0, dtype);
    const value = bias === undefined ? total : s.add(total, leaf("load", 2, dtype));
    const store = contiguousStore(shape, value);
    return {
      kind: "contract",
      axes: [...shape, x!.shape.at(-1)!],
      groups: { batch: 0, m: leading, n: 1, k: 1 },
      loads: [
        load(0, x!, [...x!.layout.strides.slice(0, -1), 0, last]),
        load(1, weight!, [...none, ofOut, ofIn]),
        ...(bias ? [load(2, bias, [...none, bias.layout.strides[0]!, 0])] : []),
      ],
      params: [],
      stores: [{ ...store, strides: [...store.strides, 0] }],
      accumulator: dtype,
    };
  },
  saves: ([first, second]) => ({ inputs: [...(second ? [0] : []), ...(first ? [1] : [])] }),
  gradient({ needs, grads, input }) {
    const grad = grads[0]!;
    return [
      needs[0] ? affine(grad, transpose(conj(input(1)), 0, 1)) : undefined,
      needs[1] ? matmul(transpose(rows(grad), 0, 1), rows(conj(input(0)))) : undefined,
      needs[2] ? sum(rows(grad), 0) : undefined,
    ];
  },
  batch([x, weight, bias], _, size) {
    const given = x!.value as Tensor;
    const [w, b] = [weight!.value as Tensor, bias?.value as Tensor | undefined];
    if (!weight!.isBatched && !bias?.isBatched) return [affine(given, w, b)];
    const lead = given.shape.slice(Number(x!.isBatched), -1);
    const features = given.shape.at(-1)!;
    const count = sizeOf(lead);
    const rows = reshape(given, x!.isBatched ? [size, count, features] : [count, features]);
    const product = matmul(rows, transpose(w, -1, -2)); // [size, rows, out]
    const shift = b !== undefined && bias!.isBatched ? unsqueeze(b, 1) : b;
    const result = shift === undefined ? product : add(product, shift);
    return [reshape(result, [size, ...lead, w.shape.at(-2)!])];
  },
});

const affine = (x: Tensor, weight: Tensor, bias?: Tensor): Tensor =>
  apply(linearOperation, bias === undefined ? [x, weight] : [x, weight, bias], {})[0]!;

/** `x · weightᵀ`; `into`: where the product goes (see applyInto). */
export const productInto = (x: Tensor, weight: Tensor, into: Tensor | undefined): Tensor =>
  into === undefined ? affine(x, weight) : applyInto(linearOperation, [x, weight], {}, [into])[0]!;

/** `x · weightᵀ + bias`: x `[…, in]`, weight `[out, in]`, bias `[out]`. */
export const linear = /* @__PURE__ */ expose(
  linearOperation,
  (x: Tensor, weight: Tensor, bias?: Tensor): Tensor => {
    const [given, taken] = [x.shape.at(-1), weight.shape.at(-1)];
    if (given !== taken) {
      throw new ShapeError(
        `linear: the input ${showShape(x.shape)} has ${given ?? "no"} features, but the weight ` +
          `${showShape(weight.shape)} takes ${taken ?? "none"}. Check Linear(in, out), or flatten the input.`,
      );
    }
    let dtype = promoteTypes(x.dtype, weight.dtype);
    if (bias !== undefined) dtype = promoteTypes(dtype, bias.dtype);
    const [input, factor] = [cast(x, dtype), cast(weight, dtype)];
    const shift = bias && cast(bias, dtype);
    const isPlain = weight.ndim === 2 && (shift === undefined || isVectorOf(shift, weight.shape[0]!));
    if (isPlain) return affine(input, factor, shift);
    const product = matmul(input, weight.ndim === 1 ? factor : transpose(factor, 0, 1));
    return shift === undefined ? product : add(product, shift);
  },
  {
    samples: [
      (make) => [make([2, 3]), make([4, 3]), make([4])],
      (make) => [make([2, 2, 3]), make([4, 3])],
      (make) => [make([3]), make([2, 3]), make([2])],
      (make) => [make([2, 3]), make([3])],
      (make) => [make([0, 3]), make([4, 3]), make([4])],
      (make) => [make([2, 0]), make([4, 0]), make([4])],
    ],
    dtypes: ["float32", "float64", "complex64", "complex128"],
  },
); // prettier-ignore

/** Other shapes of a bias broadcast, as any addition does. */
const isVectorOf = (bias: Tensor, length: number): boolean =>
  bias.ndim === 1 && bias.shape[0] === length;
