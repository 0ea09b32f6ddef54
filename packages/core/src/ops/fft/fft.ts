// Fourier transforms along one axis or several, as torch.fft names them.
import { type DType, complexDType, isComplex, isContinuous } from "../../dtype.ts";
import { DTypeError, FlambeauError, ShapeError, showShape } from "../../errors.ts";
import { normalizeAxis } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { cast } from "../cast.ts";
import { type Op, type Sample, composite } from "../define.ts";
import { dilatedPad } from "../pad.ts";
import { permute, slice } from "../view.ts";
import { type Direction, fourier, fromHalfSpectrum, toHalfSpectrum } from "./transforms.ts";

/**
 * Which transform is divided: `"backward"` (default) the inverse by n, `"forward"` the forward one by n,
 * `"ortho"` both by √n.
 */
export type FFTNorm = "backward" | "forward" | "ortho";

export interface FFTOptions {
  /** The length of the transformed axis: the input is cut or filled up with zeros. */
  readonly n?: number;
  /** Default -1. */
  readonly axis?: number;
  readonly norm?: FFTNorm;
}

export interface FFTAxesOptions {
  /** The lengths of the transformed axes; -1 keeps one. */
  readonly shape?: readonly number[];
  /** Default: the last two for names ending in 2; else as many as `shape` has, or all. */
  readonly axes?: readonly number[];
  readonly norm?: FFTNorm;
}

const dtypes: readonly DType[] = ["float32", "float64", "complex64", "complex128"];

/** What a transform of length `n` is multiplied by. */
function scaleOf(name: string, n: number, norm: FFTNorm, isForward: boolean): number {
  if (norm === "ortho") return 1 / Math.sqrt(n);
  if (norm === "forward") return isForward ? 1 / n : 1;
  if (norm === "backward") return isForward ? 1 : 1 / n;
  throw new FlambeauError(
    `fft.${name}: norm ${JSON.stringify(norm)} is not known. Expected "backward", "forward" or "ortho".`,
  );
}

/** Floats and complex numbers as they are, integers as float32. */
function floating(name: string, x: Tensor): Tensor {
  if (!isContinuous(x.dtype)) return cast(x, "float32");
  if (dtypes.includes(x.dtype)) return x;
  throw new DTypeError(`fft.${name}: ${x.dtype} is too narrow. Cast with to("float32").`);
}

function complexOf(name: string, x: Tensor): Tensor {
  const y = floating(name, x);
  return cast(y, complexDType(y.dtype));
}

function realOf(name: string, x: Tensor): Tensor {
  if (isComplex(x.dtype)) {
    throw new DTypeError(`fft.${name}: expected real numbers, got ${x.dtype}. Use fft.fft.`);
  }
  return floating(name, x);
}

/** `x` with `axis` last; its own inverse is `restored`. */
function withLast(x: Tensor, axis: number): Tensor {
  const order = [...x.shape.keys()].filter((i) => i !== axis);
  return permute(x, [...order, axis]);
}

function restored(x: Tensor, axis: number): Tensor {
  const order = [...x.shape.keys()].slice(0, -1);
  order.splice(axis, 0, x.ndim - 1);
  return permute(x, order);
}

/** Cuts or fills up the last axis. */
function fitted(x: Tensor, n: number): Tensor {
  const have = x.shape.at(-1)!;
  if (have === n) return x;
  if (have > n) return slice(x, -1, { end: n });
  const none = x.shape.map(() => 0);
  return dilatedPad(x, none, none.with(x.ndim - 1, n - have), none);
}

function axisOf(name: string, x: Tensor, axis: number): number {
  if (x.ndim > 0) return normalizeAxis(`fft.${name}`, axis, x.ndim);
  throw new ShapeError(`fft.${name}: a 0-d tensor has no axis to transform. Reshape it to [1].`);
}

function requireLength(name: string, n: number): void {
  if (Number.isInteger(n) && n > 0) return;
  throw new ShapeError(
    `fft.${name}: expected a transform of at least 1 element, got ${n}. Check n and the shape.`,
  );
}

/** Runs a transform of the last axis on another one. */
function along(x: Tensor, axis: number, transform: (rows: Tensor) => Tensor): Tensor {
  return restored(transform(withLast(x, axis)), axis);
}

type FFT = (x: Tensor, options?: FFTOptions) => Tensor;

const samples: readonly Sample[] = [
  (make) => [make([6])],
  (make) => [make([2, 5]), { axis: 0, norm: "ortho" }],
  (make) => [make([2, 3]), { n: 4, norm: "forward" }],
  (make) => [make([2, 8]), { n: 5 }],
];

/** The `skips` of transforms whose sums mix infinities in another order than the definition. */
const mixes = {
  extreme: "one NaN or infinity spoils its whole row, in one of several ways",
} as const;

const complexTransform = (name: string, direction: Direction): Op<FFT> =>
  composite(
    name,
    (x: Tensor, { n, axis = -1, norm = "backward" }: FFTOptions = {}): Tensor => {
      const at = axisOf(name, x, axis);
      const length = n ?? x.shape[at]!;
      requireLength(name, length);
      const scale = scaleOf(name, length, norm, direction === -1);
      return along(complexOf(name, x), at, (rows) =>
        fourier(fitted(rows, length), direction, scale),
      );
    },
    { samples, dtypes, skips: mixes },
  );

/** The discrete Fourier transform along an axis: `Σ x[t] · exp(-2πi·k·t/n)`. Complex. */
export const fft = /* @__PURE__ */ complexTransform("fft", -1);
/** The inverse of `fft`. */
export const ifft = /* @__PURE__ */ complexTransform("ifft", 1);

const halfTransform = (name: string, direction: Direction): Op<FFT> =>
  composite(
    name,
    (x: Tensor, { n, axis = -1, norm = "backward" }: FFTOptions = {}): Tensor => {
      const at = axisOf(name, x, axis);
      const length = n ?? x.shape[at]!;
      requireLength(name, length);
      const scale = scaleOf(name, length, norm, direction === -1);
      return along(realOf(name, x), at, (rows) =>
        toHalfSpectrum(fitted(rows, length), direction, scale),
      );
    },
    { samples, dtypes: ["float32", "float64"], skips: mixes },
  );

/** The first `n/2 + 1` bins of the spectrum of real numbers; the others mirror them. */
export const rfft = /* @__PURE__ */ halfTransform("rfft", -1);
/** The inverse of `hfft`: the first `n/2 + 1` elements of a signal whose spectrum is real. */
export const ihfft = /* @__PURE__ */ halfTransform("ihfft", 1);

const realTransform = (name: string, direction: Direction): Op<FFT> =>
  composite(
    name,
    (x: Tensor, { n, axis = -1, norm = "backward" }: FFTOptions = {}): Tensor => {
      const at = axisOf(name, x, axis);
      const length = n ?? 2 * (x.shape[at]! - 1);
      requireLength(name, length);
      const scale = scaleOf(name, length, norm, direction === -1);
      const half = Math.floor(length / 2) + 1;
      return along(complexOf(name, x), at, (rows) =>
        fromHalfSpectrum(fitted(rows, half), length, direction, scale),
      );
    },
    { samples: [...samples, (make) => [make([4]), { n: 7 }]], dtypes, skips: mixes },
  );

/**
 * The inverse of `rfft`: real numbers from the first half of a spectrum. Their count `n` is even by
 * default, `2 · (bins - 1)`.
 */
export const irfft = /* @__PURE__ */ realTransform("irfft", 1);
/** The real spectrum, of length `n`, of a signal that mirrors its first half. */
export const hfft = /* @__PURE__ */ realTransform("hfft", -1);

/** Which axes are transformed, and to which lengths. */
function plan(
  name: string,
  x: Tensor,
  { shape, axes }: FFTAxesOptions,
  usual: readonly number[] | undefined,
): { axes: number[]; lengths: (number | undefined)[] } {
  const named = axes ?? usual;
  const count = shape?.length ?? x.ndim;
  const list = named ?? Array.from({ length: count }, (_, i) => i - count);
  const found = list.map((axis) => axisOf(name, x, axis));
  if (
    new Set(found).size !== found.length ||
    (shape !== undefined && shape.length !== found.length)
  ) {
    throw new ShapeError(
      `fft.${name}: expected distinct axes and as many lengths, got axes ${showShape(list)}` +
        `${shape === undefined ? "" : ` and shape ${showShape(shape)}`}.`,
    );
  }
  return {
    axes: found,
    lengths: found.map((_, i) => (shape?.[i] === -1 ? undefined : shape?.[i])),
  };
}

type FFTAxes = (x: Tensor, options?: FFTAxesOptions) => Tensor;
type Step = (x: Tensor, axis: number, n: number | undefined, norm: FFTNorm) => Tensor;

const stepOf =
  (call: FFT): Step =>
  (x, axis, n, norm) =>
    call(x, { axis, norm, ...(n !== undefined && { n }) });

const pairs: readonly number[] = [-2, -1];

/** A transform of several axes; `last` is done along the last one, at the end that `isLastFirst` says. */
const severalAxes = (
  name: string,
  each: FFT,
  last: FFT,
  isLastFirst: boolean,
  usual: readonly number[] | undefined,
  tested: { readonly dtypes: readonly DType[] },
): Op<FFTAxes> =>
  composite(
    name,
    (x: Tensor, options: FFTAxesOptions = {}): Tensor => {
      const { axes, lengths } = plan(name, x, options, usual);
      const { norm = "backward" } = options;
      const finish = axes.length - 1;
      if (finish < 0) return complexOf(name, x);
      const lastStep = (y: Tensor): Tensor => stepOf(last)(y, axes[finish]!, lengths[finish], norm);
      let result = isLastFirst ? lastStep(x) : x;
      for (let i = 0; i < finish; i++) result = stepOf(each)(result, axes[i]!, lengths[i], norm);
      return isLastFirst ? result : lastStep(result);
    },
    {
      samples: [
        (make) => [make([2, 3, 4])],
        (make) => [make([3, 4]), { shape: [4, -1], norm: "ortho" }],
        (make) => [make([3, 2, 4]), { axes: [0, 2], norm: "forward" }],
      ],
      dtypes: tested.dtypes,
      skips: mixes,
    },
  );

const anyNumbers = { dtypes };
const realNumbers = { dtypes: ["float32", "float64"] } as const;

/** `fft` along several axes: all by default. */
export const fftn = /* @__PURE__ */ severalAxes("fftn", fft, fft, false, undefined, anyNumbers);
/** The inverse of `fftn`. */
export const ifftn = /* @__PURE__ */ severalAxes("ifftn", ifft, ifft, false, undefined, anyNumbers);
/** `rfft` along the last of several axes, then `fft` along the others. */
export const rfftn = /* @__PURE__ */ severalAxes("rfftn", fft, rfft, true, undefined, realNumbers);
/** The inverse of `rfftn`. */
export const irfftn = /* @__PURE__ */ severalAxes(
  "irfftn",
  ifft,
  irfft,
  false,
  undefined,
  anyNumbers,
);
/** `ihfft` along the last of several axes, then `ifft` along the others: the inverse of `hfftn`. */
export const ihfftn = /* @__PURE__ */ severalAxes(
  "ihfftn",
  ifft,
  ihfft,
  true,
  undefined,
  realNumbers,
);
/** `fft` along all but the last of several axes, then `hfft` along the last. */
export const hfftn = /* @__PURE__ */ severalAxes("hfftn", fft, hfft, false, undefined, anyNumbers);
/** `fftn` of the last two axes. */
export const fft2 = /* @__PURE__ */ severalAxes("fft2", fft, fft, false, pairs, anyNumbers);
/** `ifftn` of the last two axes. */
export const ifft2 = /* @__PURE__ */ severalAxes("ifft2", ifft, ifft, false, pairs, anyNumbers);
/** `rfftn` of the last two axes. */
export const rfft2 = /* @__PURE__ */ severalAxes("rfft2", fft, rfft, true, pairs, realNumbers);
/** `irfftn` of the last two axes. */
export const irfft2 = /* @__PURE__ */ severalAxes("irfft2", ifft, irfft, false, pairs, anyNumbers);
