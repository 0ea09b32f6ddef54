// vmap: a function of single elements becomes a function of batches. Inside, tensors stand for one
// element; each op call runs once for the whole batch, by its batch rule or element by element.
import { apply } from "../apply.ts";
import { FlambeauError, ShapeError } from "../errors.ts";
import { mapTensors, tensorsIn } from "../graph/tree.ts";
import { type BatchCalls, modes } from "../modes.ts";
import type { Attributes, BatchOperand, Operation, TensorLike } from "../operation.ts";
import { stack } from "../ops/join.ts";
import { at } from "../ops/at.ts";
import { expand, permute, reshape, unsqueeze } from "../ops/view.ts";
import { register, requireSynchronous } from "../scope.ts";
import { normalizeAxis } from "../shape.ts";
import { type Tensor, isTensor, makeBatched } from "../tensor.ts";

let depth = 0;
/** Batch sizes of the open vmaps, by level. */
const sizes: number[] = [];

const levelOf = (input: TensorLike): number =>
  isTensor(input) ? (input.batched?.level ?? -1) : -1;

/** Broadcasting ops: batch axes meet at the front once every operand has the same rank. */
function broadcastBatch(
  operation: Operation,
  operands: readonly BatchOperand[],
  attributes: Attributes,
) {
  const rank = Math.max(
    ...operands.map(({ value, isBatched }) =>
      isTensor(value) ? value.ndim - Number(isBatched) : 0,
    ),
  );
  const aligned = operands.map(({ value, isBatched }) => {
    if (!isTensor(value) || !isBatched || value.ndim - 1 === rank) return value;
    const [size, ...shape] = value.shape;
    return reshape(value, [size!, ...new Array<number>(rank - shape.length).fill(1), ...shape]);
  });
  return apply(operation, aligned, attributes);
}

/** Any op: once per element, and the results stacked. */
function elementByElement(
  operation: Operation,
  operands: readonly BatchOperand[],
  attributes: Attributes,
  size: number,
): Tensor[] {
  if (size === 0) {
    throw new ShapeError(`vmap: ${operation.name} has no batch rule, and the batch is empty.`);
  }
  const rows = Array.from({ length: size }, (_, i) =>
    apply(
      operation,
      operands.map(({ value, isBatched }) => (isBatched ? at(value as Tensor, i) : value)),
      attributes,
    ),
  );
  return rows[0]!.map((_, output) => stack(rows.map((row) => row[output]!)));
}

const callOperation: BatchCalls["operation"] = (operation, inputs, attributes) => {
  const level = Math.max(...inputs.map(levelOf));
  const size = sizes[level]!;
  const operands = inputs.map((input): BatchOperand => {
    const isBatched = levelOf(input) === level;
    return { value: isBatched ? (input as Tensor).batched!.value : input, isBatched };
  });
  let results: readonly Tensor[];
  if (operation.batch !== undefined) results = operation.batch(operands, attributes, size);
  else if (operation.traits.broadcasts) results = broadcastBatch(operation, operands, attributes);
  else results = elementByElement(operation, operands, attributes, size);
  return results.map((result) => makeBatched(result, level));
};

const callFunction: BatchCalls["function"] = (call, inputs, rule) => {
  const levels = inputs.map((input) => levelOf(input as TensorLike));
  const level = Math.max(...levels);
  const operands = inputs.map((input, i) => {
    const isBatched = levels[i] === level;
    return { value: isBatched ? (input as Tensor).batched!.value : input, isBatched };
  });
  if (rule !== undefined) return tensorsIn(rule(operands));
  const rows = Array.from({ length: sizes[level]! }, (_, i) =>
    tensorsIn(
      call(...operands.map(({ value, isBatched }) => (isBatched ? at(value as Tensor, i) : value))),
    ),
  );
  return rows[0]!.map((_, output) => stack(rows.map((row) => row[output]!)));
};

const batchCalls: BatchCalls = { operation: callOperation, function: callFunction };

export interface VmapOptions {
  /** The axis of each argument that is mapped; `null` for arguments shared by all. Default 0. */
  readonly inAxes?: number | null | readonly (number | null)[];
  /** Where the batch axis goes in the results. Default 0. */
  readonly outAxes?: number;
}

/** What a batched tensor stands for, as a tensor of the open scope. */
function handleOn(value: Tensor): Tensor {
  const result = value.alias();
  register(result);
  return result;
}

function moveAxis(x: Tensor, from: number, to: number): Tensor {
  const rest = x.shape.map((_, axis) => axis).filter((axis) => axis !== from);
  rest.splice(to, 0, from);
  return permute(x, rest);
}

/**
 * The function that applies `body` to every element of a batch: `vmap(f)(xs)[i]` is `f(xs[i])`.
 * Gradients work inside and outside. `torch.func.vmap`.
 */
export function vmap<F extends (...inputs: never[]) => unknown>(
  body: F,
  { inAxes = 0, outAxes = 0 }: VmapOptions = {},
): F {
  const mapped = (...inputs: unknown[]): unknown => {
    let size: number | undefined;
    const level = depth;
    const wrapped = inputs.map((input, i) => {
      const axis = Array.isArray(inAxes)
        ? (inAxes as (number | null)[])[i]
        : (inAxes as number | null);
      if (axis === null || axis === undefined) return input;
      return mapTensors(input, (x) => {
        if (x.ndim === 0) throw new ShapeError(`vmap: argument ${i} is 0-d and has no axis to map. Share it with inAxes: null.`); // prettier-ignore
        const from = normalizeAxis("vmap", axis, x.ndim);
        const length = x.shape[from]!;
        size ??= length;
        if (size !== length) {
          throw new ShapeError(
            `vmap: batch sizes differ: ${size} before, ${length} in argument ${i}.`,
          );
        }
        return makeBatched(moveAxis(x, from, 0), level);
      });
    });
    if (size === undefined) throw new FlambeauError("vmap: no argument is mapped.");
    const count = size;
    const before = modes.batch;
    depth++;
    sizes[level] = count;
    modes.batch = batchCalls;
    try {
      const result = requireSynchronous("vmap", body(...(wrapped as never[])));
      return mapTensors(result, (y) => {
        const value =
          levelOf(y) === level
            ? handleOn(y.batched!.value)
            : expand(unsqueeze(y, 0), [count, ...y.shape]);
        return moveAxis(value, 0, normalizeAxis("vmap", outAxes, value.ndim));
      });
    } finally {
      depth--;
      sizes.length = level;
      modes.batch = before;
    }
  };
  return mapped as unknown as F;
}
