// Error classes that users may catch. Every message says what was expected, what came, and
// what to do; the texts are snapshot-tested in errors.test.ts.

/** Base class of every error that Flambeau raises on purpose. */
export class FlambeauError extends Error {
  override name = "FlambeauError";
}

/** Shapes or axes that do not fit together. */
export class ShapeError extends FlambeauError {
  override name = "ShapeError";
}

/** A dtype that the operation or the device does not accept. */
export class DTypeError extends FlambeauError {
  override name = "DTypeError";
}

/** An index, axis or position out of range. */
export class IndexError extends FlambeauError {
  override name = "IndexError";
}

/** Wrong use of autograd: backward twice, from a non-scalar, through nothing. */
export class AutogradError extends FlambeauError {
  override name = "AutogradError";
}

/** A device ran out of memory, or a freed tensor was read. */
export class MemoryError extends FlambeauError {
  override name = "MemoryError";
}

/** A traced value used where a real number is needed, or outside its trace. */
export class TraceError extends FlambeauError {
  override name = "TraceError";
}

/** A file or a request that is not what it claims to be. */
export class FormatError extends FlambeauError {
  override name = "FormatError";
}

/** Shapes print as `[2, 3]` everywhere. */
export const showShape = (shape: readonly (number | string)[]): string => `[${shape.join(", ")}]`;
