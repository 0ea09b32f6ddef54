// Debugging modes: where did the first NaN come from, in backward and in forward; and assertions.
import { FlambeauError, ShapeError, showShape } from "../errors.ts";
import { isContinuous } from "../dtype.ts";
import { type Inspector, modes } from "../modes.ts";
import { requireSynchronous } from "../scope.ts";
import type { Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { userPosition } from "./position.ts";

/** A NaN or an infinity where a debugging mode looked for them. */
export class NumericsError extends FlambeauError {
  override name = "NumericsError";
}

interface Counts {
  readonly nan: number;
  readonly positive: number;
  readonly negative: number;
}

/** Counts on the host: debugging modes need no speed, and must not call ops themselves. */
function countOf(x: Tensor): Counts {
  let [nan, positive, negative] = [0, 0, 0];
  if (isContinuous(x.dtype) && !x.isAbstract) {
    for (const value of x.dataSync() as Float32Array) {
      if (Number.isNaN(value)) nan++;
      else if (value === Infinity) positive++;
      else if (value === -Infinity) negative++;
    }
  }
  return { nan, positive, negative };
}

const at = (position: string | undefined): string =>
  position === undefined ? "" : `\n  at ${position}`;

function inspect<T>(name: string, inspector: Inspector, body: () => T): T {
  const before = modes.inspector;
  modes.inspector = { ...before, ...inspector };
  try {
    return requireSynchronous(name, body());
  } finally {
    modes.inspector = before;
  }
}

/**
 * Runs `body` (forward and backward); the first gradient that is NaN is an error that names the op and
 * the line of the forward call. Slow. `torch.autograd.detect_anomaly`.
 */
export const detectAnomaly = <T>(body: () => T): T =>
  inspect(
    "detectAnomaly",
    {
      gradient(node, operand, grad) {
        const { nan } = countOf(grad);
        if (nan === 0) return;
        throw new NumericsError(
          `the gradient of ${node.name} for its operand ${operand}, of shape ${showShape(grad.shape)}, ` +
            `holds ${nan} NaN. The forward call was${at(node.position) || " made outside detectAnomaly."}`,
        );
      },
    },
    body,
  );

/** Runs `body`; the first op whose result holds NaN or ±∞ is an error that counts them. Slow. */
export const checkNumerics = <T>(body: () => T): T =>
  inspect(
    "checkNumerics",
    {
      result(name, results) {
        for (const result of results) {
          const { nan, positive, negative } = countOf(result);
          if (nan + positive + negative === 0) continue;
          throw new NumericsError(
            `${name} gave ${nan} NaN, ${positive} ∞ and ${negative} -∞ in a result of shape ` +
              `${showShape(result.shape)}.${at(userPosition())}`,
          );
        }
      },
    },
    body,
  );

/** Throws unless the shape is `expected`; -1 stands for any length. Returns the tensor. */
export function assertShape(x: Tensor, expected: Shape, name = "tensor"): Tensor {
  const fits =
    x.ndim === expected.length && expected.every((n, axis) => n === -1 || n === x.shape[axis]);
  if (fits) return x;
  throw new ShapeError(
    `${name}: expected shape ${showShape(expected.map((n) => (n === -1 ? "any" : n)))}, got ` +
      `${showShape(x.shape)}.`,
  );
}

/** Throws where an element is NaN or infinite. Returns the tensor. */
export function assertFinite(x: Tensor, name = "tensor"): Tensor {
  const { nan, positive, negative } = countOf(x);
  if (nan + positive + negative === 0) return x;
  throw new NumericsError(
    `${name}: expected finite values, got ${nan} NaN, ${positive} ∞ and ${negative} -∞ in shape ` +
      `${showShape(x.shape)}.`,
  );
}

/** Throws where an element lies outside `[low, high]`. Returns the tensor. */
export function assertRange(x: Tensor, low: number, high: number, name = "tensor"): Tensor {
  const values = x.dataSync();
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (value >= low && value <= high) continue;
    throw new NumericsError(
      `${name}: expected values from ${low} to ${high}, got ${value} at flat position ${i} of shape ` +
        `${showShape(x.shape)}.`,
    );
  }
  return x;
}
