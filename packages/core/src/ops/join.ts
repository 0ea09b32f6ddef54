// Tensors joined along an axis. Taking them apart is split.ts.
import { apply } from "../apply.ts";
import type { Load, MapKernel, Store } from "../compiler/kernel.ts";
import { type DType, isContinuous, promoteTypes } from "../dtype.ts";
import { ShapeError, showShape } from "../errors.ts";
import type { OperandDescription, Operation } from "../operation.ts";
import { leaf, s } from "../scalar/instruction.ts";
import { contiguousStrides, normalizeAxis, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { cast } from "./cast.ts";
import { type Sample, composite, expose, primitive } from "./define.ts";
import { sliceView, unsqueeze } from "./view.ts";

/** More pieces than this in one kernel would make it long; they are joined in groups. */
const pieceLimit = 16;

/** A part of one operand that the kernel copies: `length` positions along the axis. */
interface Piece {
  readonly operand: number;
  /** First position in the operand and in the result. */
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));

/**
 * How one loop nest copies all operands: cut into pieces of equal length where that makes few of
 * them, else one piece per operand, of which shorter ones are guarded.
 */
function piecesOf(lengths: readonly number[]): Piece[] {
  const unit = lengths.reduce(commonDivisor, 0);
  const total = lengths.reduce((sum, n) => sum + n, 0);
  const isCut = unit > 0 && total / unit <= Math.max(pieceLimit, lengths.length);
  const pieces: Piece[] = [];
  let to = 0;
  lengths.forEach((length, operand) => {
    const step = isCut ? unit : Math.max(length, 1);
    for (let from = 0; from < length; from += step) {
      pieces.push({ operand, from, to: to + from, length: step });
    }
    to += length;
  });
  return pieces;
}

/** An access to one piece; guarded where the loop is longer than the piece. */
function pieceAccess(
  { length }: Piece,
  strides: readonly number[],
  axis: number,
  first: number,
  loop: number,
): Pick<Load, "offset" | "strides" | "guards"> {
  const step = strides[axis]!;
  const offset = first * step;
  if (length === loop) return { offset, strides };
  const coefficients = strides.map((_, i) => (i === axis ? 1 : 0));
  const guard = { base: 0, coefficients, divisor: 1, size: length, stride: step };
  return {
    offset,
    strides: strides.map((stride, i) => (i === axis ? 0 : stride)),
    guards: [guard],
  };
}

const commonDType = (inputs: readonly { readonly dtype: DType }[]): DType =>
  inputs.map(({ dtype }) => dtype).reduce(promoteTypes);

const concatOperation: Operation<{ axis: number }> = /* @__PURE__ */ primitive({
  name: "concat",
  infer: (inputs, { axis }) => {
    const length = inputs.reduce((sum, { shape }) => sum + shape[axis]!, 0);
    const shape = inputs[0]!.shape.map((n, i) => (i === axis ? length : n));
    return [{ shape, dtype: commonDType(inputs) }];
  },
  lower(inputs: readonly OperandDescription[], { axis }, [output]): MapKernel {
    const { shape, dtype } = output!;
    const own = contiguousStrides(shape);
    const pieces = piecesOf(inputs.map((input) => input.shape[axis]!));
    const loop = Math.max(0, ...pieces.map(({ length }) => length));
    const axes = shape.map((n, i) => (i === axis ? loop : n));
    // With nothing to copy, one empty piece keeps the kernel well formed.
    const copied = pieces.length > 0 ? pieces : [{ operand: 0, from: 0, to: 0, length: loop }];
    const loads = copied.map((piece): Load => {
      const { dtype: from, layout } = inputs[piece.operand]!;
      const access = pieceAccess(piece, layout.strides, axis, piece.from, loop);
      return { operand: piece.operand, dtype: from, ...access };
    });
    const stores = copied.map((piece, i): Store => {
      const value = s.cast(leaf("load", i, loads[i]!.dtype), dtype);
      return { operand: 0, dtype, value, ...pieceAccess(piece, own, axis, piece.to, loop) };
    });
    return { kind: "map", axes, loads, params: [], stores };
  },
  gradient({ grads, inputs, needs, attributes: { axis } }) {
    const grad = grads[0]!;
    let first = 0;
    return inputs.map(({ shape, dtype }, i) => {
      const start = first;
      first += shape[axis]!;
      if (!needs[i] || !isContinuous(dtype)) return undefined;
      const starts = shape.map((_, a) => (a === axis ? start : 0));
      return cast(sliceView(grad, starts, shape, shape.map(() => 1)), dtype); // prettier-ignore
    });
  },
});

function join(tensors: readonly Tensor[], axis: number): Tensor {
  if (tensors.length <= pieceLimit) return apply(concatOperation, tensors, { axis })[0]!;
  const groups: Tensor[] = [];
  for (let i = 0; i < tensors.length; i += pieceLimit) {
    groups.push(join(tensors.slice(i, i + pieceLimit), axis));
  }
  return join(groups, axis);
}

function requireSome(name: string, tensors: readonly Tensor[]): void {
  if (Array.isArray(tensors) && tensors.length > 0) return;
  throw new ShapeError(`${name}: expected an array of at least one tensor.`);
}

const samples: readonly Sample[] = [
  (make) => [[make([2, 3]), make([2, 3])]],
  (make) => [[make([2, 1]), make([2, 3]), make([2, 2])], 1],
  (make) => [[make([2, 2, 5]), make([2, 2, 7])], -1],
  (make) => [[make([0, 3]), make([2, 3])]],
  (make) => [[make([0]), make([2, 2])], 1],
  (make) => [[make([3])]],
];

/**
 * Joins tensors along an axis that they have; other lengths must be equal. dtypes are promoted;
 * tensors of shape `[0]` are left out.
 */
export const concat = /* @__PURE__ */ expose(
  concatOperation,
  (tensors: readonly Tensor[], axis = 0): Tensor => {
    requireSome("concat", tensors);
    const some = tensors.filter(({ shape }) => !sameShape(shape, [0]));
    const list = some.length === 0 ? tensors : some;
    const { shape, ndim } = list[0]!;
    if (ndim === 0) throw new ShapeError("concat: 0-d tensors have no axis to join. Use stack.");
    const at = normalizeAxis("concat", axis, ndim);
    for (const other of list) {
      const fits = other.ndim === ndim && other.shape.every((n, i) => i === at || n === shape[i]);
      if (fits) continue;
      throw new ShapeError(
        `concat: shapes ${showShape(shape)} and ${showShape(other.shape)} differ beside axis ${at}. ` +
          `Only the joined axis may differ; stack adds a new one.`,
      );
    }
    const dtype = commonDType(tensors);
    return cast(list.length === 1 ? list[0]! : join(list, at), dtype);
  },
  { samples },
);

/** Joins tensors of equal shape along a new axis. */
export const stack = /* @__PURE__ */ composite(
  "stack",
  (tensors: readonly Tensor[], axis = 0): Tensor => {
    requireSome("stack", tensors);
    const { shape, ndim } = tensors[0]!;
    const at = normalizeAxis("stack", axis, ndim + 1);
    for (const other of tensors) {
      if (sameShape(other.shape, shape)) continue;
      throw new ShapeError(
        `stack: shapes ${showShape(shape)} and ${showShape(other.shape)} differ. concat joins along an ` +
          `axis that may differ.`,
      );
    }
    const dtype = commonDType(tensors);
    return cast(join(tensors.map((x) => unsqueeze(x, at)), at), dtype); // prettier-ignore
  },
  {
    samples: [
      (make) => [[make([2, 3]), make([2, 3])]],
      (make) => [[make([2]), make([2]), make([2])], -1],
      (make) => [[make([]), make([])]],
      (make) => [Array.from({ length: 18 }, () => make([1]))],
      (make) => [[make([2, 0]), make([2, 0])], 1],
    ],
  },
);
