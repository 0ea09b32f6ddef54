// What parameters and values of distributions must be, as checks on tensors. A check reads its answer at
// once; on asynchronous devices, and while tracing, nothing is checked.
import { FlambeauError } from "../errors.ts";
import { noGrad } from "../modes.ts";
import { abs, eq, floor, ge, gt, le, logicalAnd, lt, sub } from "../ops/arithmetic.ts";
import { diagonal, tril } from "../ops/diagonal.ts";
import { all, sum } from "../ops/reduction.ts";
import { scope } from "../scope.ts";
import type { Tensor } from "../tensor.ts";

/** A set of values. */
export interface Constraint {
  /** As errors name it: `a positive number`. */
  readonly description: string;
  /** How many of the last axes make up one value. */
  readonly eventNdim: number;
  /** Which values lie in the set; NaN never does. */
  readonly check: (x: Tensor) => Tensor;
}

const scalars = (description: string, check: (x: Tensor) => Tensor): Constraint => ({
  description,
  eventNdim: 0,
  check,
});

export const real = scalars("a number", (x) => eq(x, x));
export const positive = scalars("a number > 0", (x) => gt(x, 0));
export const nonnegative = scalars("a number ≥ 0", (x) => ge(x, 0));
export const unitInterval = scalars("a number in [0, 1]", (x) => logicalAnd(ge(x, 0), le(x, 1)));
export const openUnitInterval = scalars("a number in (0, 1]", (x) =>
  logicalAnd(gt(x, 0), le(x, 1)),
);
export const isBoolean = scalars("0 or 1", (x) => eq(x, eq(x, 1)));
export const nonnegativeInteger = scalars("a whole number ≥ 0", (x) =>
  logicalAnd(eq(x, floor(x)), ge(x, 0)),
);

/** Numbers from `low` on. */
export const atLeast = (low: Tensor): Constraint =>
  scalars("a number at or above the lower limit", (x) => ge(x, low));

/** Numbers from `low` up to `high`. */
export const interval = (low: Tensor, high: Tensor): Constraint =>
  scalars("a number between the limits", (x) => logicalAnd(ge(x, low), le(x, high)));

/** Whole numbers from 0 up to `high`. */
export const integersUpTo = (high: Tensor | number): Constraint =>
  scalars(`a whole number from 0 to ${typeof high === "number" ? high : "the total count"}`, (x) =>
    logicalAnd(nonnegativeInteger.check(x), le(x, high)),
  );

/** Vectors of real numbers. */
export const realVector: Constraint = { ...real, description: "a vector of numbers", eventNdim: 1, check: (x) => all(eq(x, x), -1) }; // prettier-ignore

/** Vectors of numbers ≥ 0 that sum to 1. */
export const simplex: Constraint = {
  description: "a vector of numbers ≥ 0 that sum to 1",
  eventNdim: 1,
  check: (x) => logicalAnd(all(ge(x, 0), -1), lt(abs(sub(sum(x, -1), 1)), 1e-5)),
};

/** Vectors of one 1 and zeros. */
export const oneHotVector: Constraint = {
  description: "a vector of one 1 and zeros",
  eventNdim: 1,
  check: (x) => logicalAnd(all(isBoolean.check(x), -1), eq(sum(x, -1), 1)),
};

/** Vectors of numbers > 0. */
export const positiveVector: Constraint = {
  description: "a vector of numbers > 0",
  eventNdim: 1,
  check: (x) => all(gt(x, 0), -1),
};

/** Lower triangles with a positive diagonal. */
export const lowerCholesky: Constraint = {
  description: "a lower triangular matrix with a positive diagonal",
  eventNdim: 2,
  check: (x) => logicalAnd(all(eq(tril(x), x), [-2, -1]), all(gt(diagonal(x, 0, -2, -1), 0), -1)),
};

/** Whether a bool tensor is true; `undefined` where that cannot be known now. */
function truthOf(x: Tensor): boolean | undefined {
  if (x.isAbstract) return undefined;
  const bytes = x.device.backend.read(x.storage.handle, x.offset, 1);
  return bytes instanceof Promise ? undefined : bytes[0] !== 0;
}

/** Throws unless every value lies in the set; says which does not. */
export function requireConstraint(what: string, x: Tensor, constraint: Constraint): void {
  if (x.isAbstract || x.size === 0 || x.device.name === "null") return;
  scope(() =>
    noGrad(() => {
      const valid = constraint.check(x);
      if (truthOf(all(valid)) !== false) return;
      const at = valid.dataSync().indexOf(0 as never);
      const width = x.size / valid.size;
      const found = Array.from(x.dataSync().slice(at * width, at * width + Math.min(width, 8)), Number);
      const shown = width === 1 ? `${found[0]}` : `[${found.join(", ")}${width > 8 ? ", …" : ""}]`;
      throw new FlambeauError(
        `${what}: expected ${constraint.description}, got ${shown} at position ${at} of ${valid.size}. ` +
          `Correct the value, or pass { validateArgs: false } to skip this check.`,
      );
    }),
  );
} // prettier-ignore
