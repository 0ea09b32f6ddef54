// Matrix products of any rank: one contraction serves vectors, matrices and broadcast batches.
import { apply } from "../apply.ts";
import type { ContractKernel, Load } from "../compiler/kernel.ts";
import { contiguousStore } from "../compiler/lower.ts";
import { type DType, promoteTypes } from "../dtype.ts";
import { ShapeError, showShape } from "../errors.ts";
import type { BatchOperand, OperandDescription, Operation } from "../operation.ts";
import { leaf } from "../scalar/instruction.ts";
import { broadcastShapes, broadcastStrides } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { cast } from "./cast.ts";
import { conj } from "./complex.ts";
import { composite, expose, primitive } from "./define.ts";
import { sumTo } from "./reduction.ts";
import { reshape, transpose, unsqueeze } from "./view.ts";

const continuous: readonly DType[] = ["float32", "float64", "complex64", "complex128"];
const numeric: readonly DType[] = [...continuous, "int32", "int64", "uint8"];

const batchOf = (x: { shape: readonly number[] }) => x.shape.slice(0, -2);

/** `[…, m, k] · […, k, n]`, both of at least two axes. */
const matmulOperation: Operation<Record<string, never>> = /* @__PURE__ */ primitive({
  name: "matmul",
  infer: ([a, b]) => {
    const batch = broadcastShapes("matmul", batchOf(a!), batchOf(b!));
    return [{ shape: [...batch, a!.shape.at(-2)!, b!.shape.at(-1)!], dtype: a!.dtype }];
  },
  lower([a, b], _, [output]): ContractKernel {
    const batch = output!.shape.slice(0, -2);
    const [m, n] = output!.shape.slice(-2) as [number, number];
    const k = a!.shape.at(-1)!;
    const factor = (operand: number, x: OperandDescription, own: (last: readonly number[]) => number[]): Load => ({
      operand,
      dtype: x.dtype,
      offset: 0,
      strides: [
        ...broadcastStrides(batchOf(x), x.layout.strides.slice(0, -2), batch),
        ...own(x.layout.strides.slice(-2)),
      ],
    }); // prettier-ignore
    const store = contiguousStore(output!.shape, leaf("state", 0, a!.dtype));
    return {
      kind: "contract",
      axes: [...batch, m, n, k],
      groups: { batch: batch.length, m: 1, n: 1, k: 1 },
      loads: [
        factor(0, a!, ([row, column]) => [row!, 0, column!]),
        factor(1, b!, ([row, column]) => [0, column!, row!]),
      ],
      params: [],
      stores: [{ ...store, strides: [...store.strides, 0] }],
      accumulator: a!.dtype,
    };
  },
  saves: ([first, second]) => ({ inputs: [...(second ? [0] : []), ...(first ? [1] : [])] }),
  gradient(context) {
    const { inputs, needs } = context;
    const grad = context.grads[0]!;
    const transposed = (position: number) => transpose(conj(context.input(position)), -1, -2);
    return [
      needs[0] ? sumTo(product(grad, transposed(1)), inputs[0]!.shape) : undefined,
      needs[1] ? sumTo(product(transposed(0), grad), inputs[1]!.shape) : undefined,
    ];
  },
  batch(operands) {
    const [a, b] = alignBatches(operands) as [Tensor, Tensor];
    return [product(a, b)];
  },
});

/** Batch axes meet at the front once both factors have the same rank. */
function alignBatches(operands: readonly BatchOperand[]): Tensor[] {
  const ranks = operands.map(({ value, isBatched }) => (value as Tensor).ndim - Number(isBatched));
  const rank = Math.max(...ranks);
  return operands.map(({ value, isBatched }, i) => {
    const x = value as Tensor;
    if (!isBatched || ranks[i] === rank) return x;
    const fill = new Array<number>(rank - ranks[i]!).fill(1);
    return reshape(x, [x.shape[0]!, ...fill, ...x.shape.slice(1)]);
  });
}

const product = (a: Tensor, b: Tensor): Tensor => apply(matmulOperation, [a, b], {})[0]!;

/**
 * Matrix product. Vectors count as a row on the left, a column on the right, and that axis is dropped
 * from the result; leading axes broadcast.
 */
export const matmul = /* @__PURE__ */ expose(
  matmulOperation,
  (a: Tensor, b: Tensor): Tensor => {
    requireInner(a, b);
    const dtype = promoteTypes(a.dtype, b.dtype);
    const left = cast(a.ndim === 1 ? unsqueeze(a, 0) : a, dtype);
    const right = cast(b.ndim === 1 ? unsqueeze(b, 1) : b, dtype);
    const result = product(left, right);
    if (a.ndim > 1 && b.ndim > 1) return result;
    const shape = [...result.shape];
    if (b.ndim === 1) shape.splice(-1, 1);
    if (a.ndim === 1) shape.splice(b.ndim === 1 ? -1 : -2, 1);
    return reshape(result, shape);
  },
  {
    samples: [
      (make) => [make([2, 3]), make([3, 4])],
      (make) => [make([3]), make([3])],
      (make) => [make([3]), make([3, 2])],
      (make) => [make([2, 3]), make([3])],
      (make) => [make([2, 1, 3, 2]), make([4, 2, 3])],
      (make) => [make([2, 0]), make([0, 3])],
    ],
    dtypes: numeric,
  },
);

function requireInner(a: Tensor, b: Tensor): void {
  if (a.ndim === 0 || b.ndim === 0) {
    throw new ShapeError(
      `matmul: operands need at least one axis, got ${showShape(a.shape)} and ${showShape(b.shape)}. ` +
        `Use mul for scalars.`,
    );
  }
  const inner = a.shape.at(-1)!;
  const other = b.shape.at(b.ndim === 1 ? -1 : -2)!;
  if (inner === other) return;
  const advice =
    b.ndim > 1 && inner === b.shape.at(-1)
      ? "Transpose the second operand, or check Linear(in, out)."
      : "The last axis of the first must equal the second-last of the second.";
  throw new ShapeError(
    `matmul: inner sizes differ: ${showShape(a.shape)} · ${showShape(b.shape)} ` +
      `(${inner} ≠ ${other}). ${advice}`,
  );
}

/** Matrix product of two matrices. */
export const mm = /* @__PURE__ */ composite(
  "mm",
  (a: Tensor, b: Tensor): Tensor => {
    requireRank("mm", a, b, 2, 2);
    return matmul(a, b);
  },
  { samples: [(make) => [make([2, 3]), make([3, 4])]], dtypes: continuous },
);

/** Product of two batches of matrices, `[b, m, k] · [b, k, n]`. */
export const bmm = /* @__PURE__ */ composite(
  "bmm",
  (a: Tensor, b: Tensor): Tensor => {
    requireRank("bmm", a, b, 3, 3);
    return matmul(a, b);
  },
  { samples: [(make) => [make([2, 3, 2]), make([2, 2, 4])]], dtypes: continuous },
);

/** Inner product of two vectors. */
export const dot = /* @__PURE__ */ composite(
  "dot",
  (a: Tensor, b: Tensor): Tensor => {
    requireRank("dot", a, b, 1, 1);
    return matmul(a, b);
  },
  { samples: [(make) => [make([3]), make([3])]], dtypes: continuous },
);

function requireRank(name: string, a: Tensor, b: Tensor, rankA: number, rankB: number): void {
  if (a.ndim === rankA && b.ndim === rankB) return;
  throw new ShapeError(
    `${name}: expected ${rankA} and ${rankB} axes, got ${showShape(a.shape)} and ` +
      `${showShape(b.shape)}. matmul takes any ranks.`,
  );
}
