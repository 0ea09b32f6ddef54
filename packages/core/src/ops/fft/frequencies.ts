// The frequencies of the bins of a spectrum, and their order.
import { FlambeauError } from "../../errors.ts";
import { normalizeAxes } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { type TensorOptions, tensor } from "../creation.ts";
import { composite } from "../define.ts";
import { roll } from "../rearrange.ts";

function frequencies(
  name: string,
  n: number,
  d: number,
  count: number,
  at: (k: number) => number,
  { dtype = "float32", ...options }: TensorOptions,
): Tensor {
  if (!Number.isInteger(n) || n < 1 || d === 0) {
    throw new FlambeauError(
      `fft.${name}: expected a length n ≥ 1 and a distance d ≠ 0, got ${n} and ${d}.`,
    );
  }
  const values = Float64Array.from({ length: count }, (_, k) => at(k) / (n * d));
  return tensor(values, { dtype, ...options });
}

/** The frequencies of `fft`'s bins for samples `d` apart: 0, 1, …, then the negative ones, over `n · d`. */
export const fftfreq = (n: number, d = 1, options: TensorOptions = {}): Tensor =>
  frequencies("fftfreq", n, d, n, (k) => (2 * k < n ? k : k - n), options);

/** The frequencies of `rfft`'s bins for samples `d` apart. */
export const rfftfreq = (n: number, d = 1, options: TensorOptions = {}): Tensor =>
  frequencies("rfftfreq", n, d, Math.floor(n / 2) + 1, (k) => k, options);

type Axes = number | readonly number[];

function shifted(
  name: string,
  x: Tensor,
  axes: Axes | undefined,
  by: (n: number) => number,
): Tensor {
  const list = normalizeAxes(name, axes, x.ndim);
  let result = x;
  for (const axis of list) result = roll(result, by(x.shape[axis]!), axis);
  return result;
}

/** Moves frequency 0 to the middle of the axes (all by default). */
export const fftshift = /* @__PURE__ */ composite(
  "fftshift",
  (x: Tensor, axes?: Axes): Tensor => shifted("fft.fftshift", x, axes, (n) => Math.floor(n / 2)),
  {
    samples: [
      (make) => [make([5])],
      (make) => [make([2, 4, 3]), [0, 2]],
      (make) => [make([2, 3]), 1],
    ],
  },
);

/** The inverse of `fftshift`: moves frequency 0 from the middle to the start. */
export const ifftshift = /* @__PURE__ */ composite(
  "ifftshift",
  (x: Tensor, axes?: Axes): Tensor => shifted("fft.ifftshift", x, axes, (n) => Math.ceil(n / 2)),
  {
    samples: [
      (make) => [make([5])],
      (make) => [make([2, 4, 3]), [0, 2]],
      (make) => [make([2, 3]), 1],
    ],
  },
);
