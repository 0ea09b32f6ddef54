// What linear algebra on batches of matrices `[…, m, n]` shares: checks of operands, and routines that
// see one matrix at a time, as float64. The arithmetic on one matrix is in the numeric files.
import { apply } from "../../apply.ts";
import type { RoutineKernel } from "../../compiler/kernel.ts";
import { type DType, type TypedArray, wordsOf } from "../../dtype.ts";
import { DTypeError, FlambeauError, ShapeError, showShape } from "../../errors.ts";
import type { Attributes, Description, Operation } from "../../operation.ts";
import { type Shape, broadcastShapes, sizeOf } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { conj } from "../complex.ts";
import { primitive } from "../define.ts";
import { expand, transpose, unsqueeze } from "../view.ts";

/** A matrix that an operation cannot take: singular, not positive definite, not finite. */
export class LinAlgError extends FlambeauError {
  override name = "LinAlgError";
}

export const floats = ["float32", "float64"] as const;
export const numbers = ["float32", "float64", "complex64", "complex128"] as const;
export type NoAttributes = Record<string, never>;

/** Checks that operands have one dtype of real floats; `numbers` adds complex ones. */
export function requireFloats(name: string, ...tensors: readonly Tensor[]): void {
  requireOneOf(name, floats, tensors);
}

/** Checks that operands have one dtype of floats or complex numbers. */
export function requireNumbers(name: string, ...tensors: readonly Tensor[]): void {
  requireOneOf(name, numbers, tensors);
}

function requireOneOf(name: string, accepted: readonly DType[], tensors: readonly Tensor[]): void {
  const [first] = tensors;
  for (const x of tensors) {
    if (!accepted.includes(x.dtype)) {
      const [last, ...others] = accepted.toReversed();
      throw new DTypeError(
        `${name}: expected ${others.toReversed().join(", ")} or ${last}, got ${x.dtype}. ` +
          `Cast with to("float32").`,
      );
    }
    if (x.dtype === first!.dtype) continue;
    throw new DTypeError(
      `${name}: operands have different dtypes, ${first!.dtype} and ${x.dtype}. Cast one with to(…).`,
    );
  }
}

/** Checks a float operand `[…, m, n]`. */
export function requireMatrices(name: string, x: Tensor): void {
  requireFloats(name, x);
  requireAxes(name, x);
}

/** Checks that there are matrices: `[…, m, n]`. */
export function requireAxes(name: string, x: Tensor): void {
  if (x.ndim >= 2) return;
  throw new ShapeError(
    `${name}: expected a matrix or a batch of them […, m, n], got shape ${showShape(x.shape)}.`,
  );
}

/** Checks a float operand `[…, n, n]`. */
export function requireSquare(name: string, x: Tensor): void {
  requireMatrices(name, x);
  requireEqualAxes(name, x);
}

/** As `requireSquare`, of floats or complex numbers. */
export function requireSquareNumbers(name: string, x: Tensor): void {
  requireNumbers(name, x);
  requireAxes(name, x);
  requireEqualAxes(name, x);
}

function requireEqualAxes(name: string, x: Tensor): void {
  const [rows, columns] = x.shape.slice(-2);
  if (rows === columns) return;
  throw new ShapeError(
    `${name}: expected square matrices […, n, n], got shape ${showShape(x.shape)} ` +
      `(${rows} ≠ ${columns}). linalg.lstsq and linalg.pinv take any shape.`,
  );
}

/** The matrices transposed. */
export const transposed = (x: Tensor): Tensor => transpose(x, -2, -1);

/** The matrices transposed and conjugated. */
export const adjoint = (x: Tensor): Tensor => conj(transposed(x));

export const batchShape = (x: { readonly shape: Shape }): Shape => x.shape.slice(0, -2);

/** Matrices expanded to one common batch shape. */
export function withEqualBatches(name: string, a: Tensor, b: Tensor): [Tensor, Tensor] {
  const batch = broadcastShapes(name, batchShape(a), batchShape(b));
  return [expand(a, [...batch, ...a.shape.slice(-2)]), expand(b, [...batch, ...b.shape.slice(-2)])];
}

/** Which matrix of a batch is meant, in words. */
export function nameOfElement(batch: Shape, element: number): string {
  if (batch.length === 0) return "the matrix";
  const index: number[] = [];
  let rest = element;
  for (const length of [...batch].reverse()) {
    index.unshift(rest % length);
    rest = Math.floor(rest / length);
  }
  return `matrix ${showShape(index)} of the batch`;
}

/** What a routine does with one element of the batch: fills the outputs, which are zero. */
type Visit = (
  inputs: readonly Float64Array[],
  outputs: readonly Float64Array[],
  /** Names the element in errors. */
  name: () => string,
) => void;

/** A routine over the matrices of its operands, whose leading axes equal those of `batch`. */
export function matrixRoutine(
  name: string,
  inputs: readonly Description[],
  outputs: readonly Description[],
  batch: Shape,
  visit: Visit,
): RoutineKernel {
  // Complex numbers are pairs.
  const sizeOfElement = ({ shape, dtype }: Description): number =>
    sizeOf(shape.slice(batch.length)) * wordsOf(dtype);
  return {
    kind: "routine",
    name,
    inputs,
    outputs,
    run(from, to) {
      const sources = inputs.map((x) => new Float64Array(sizeOfElement(x)));
      const targets = outputs.map((x) => new Float64Array(sizeOfElement(x)));
      const count = sizeOf(batch);
      for (let element = 0; element < count; element++) {
        sources.forEach((source, i) => source.set(elementOf(from[i]!, element, source.length)));
        for (const target of targets) target.fill(0);
        visit(sources, targets, () => nameOfElement(batch, element));
        targets.forEach((target, i) => elementOf(to[i]!, element, target.length).set(target));
      }
    },
  };
}

const elementOf = (array: TypedArray, element: number, size: number): Float64Array =>
  array.subarray(element * size, (element + 1) * size) as Float64Array;

/** A primitive on the last two axes of its operands, which have equal batches before them. */
export function matrixPrimitive<A extends Attributes>(
  record: Parameters<typeof primitive<A>>[0],
): Operation<A> {
  const operation: Operation<A> = primitive<A>({
    ...record,
    batch(operands, attributes, size) {
      const values = operands.map(({ value, isBatched }) => {
        const x = value as Tensor;
        return isBatched ? x : expand(unsqueeze(x, 0), [size, ...x.shape]);
      });
      return apply(operation, values, attributes);
    },
  });
  return operation;
}

/** The relative rounding of a dtype. */
export const precisionOf = (dtype: DType): number => (dtype === "float64" ? 2 ** -52 : 2 ** -23);
