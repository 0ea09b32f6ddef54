// Short-time Fourier transforms: spectra of overlapping stretches of a signal, and the way back.
import { type DType, isComplex, isFloat } from "../../dtype.ts";
import { DTypeError, FlambeauError, ShapeError, showShape } from "../../errors.ts";
import { modes, noGrad } from "../../modes.ts";
import type { Tensor } from "../../tensor.ts";
import { abs, div, mul } from "../arithmetic.ts";
import { cast } from "../cast.ts";
import { ones, linspace } from "../creation.ts";
import { composite } from "../define.ts";
import { pad } from "../pad.ts";
import type { PadMode } from "../pad-modes.ts";
import { amin } from "../reduction.ts";
import { overlapped, unfold } from "../unfold.ts";
import { expand, reshape, slice, transpose } from "../view.ts";
import { fft, ifft, irfft, rfft } from "./fft.ts";

interface Frames {
  /** Distance between stretches. Default a quarter of `nFft`. */
  readonly hopLength?: number;
  /** Length of the window, in the middle of `nFft` zeros. Default `nFft`. */
  readonly winLength?: number;
  /** Weights `[winLength]`. Default ones. */
  readonly window?: Tensor;
  /** Stretches have their middle at multiples of `hopLength`. Default true. */
  readonly center?: boolean;
  /** Spectra are divided by `√nFft`. Default false. */
  readonly normalized?: boolean;
  /** Only the first `nFft/2 + 1` bins. Default: where signal and window are real. */
  readonly onesided?: boolean;
}

export interface StftOptions extends Frames {
  /** How a centred signal is filled up. Default `"reflect"`. */
  readonly padMode?: PadMode;
}

export interface IstftOptions extends Frames {
  /** Of the signal. Default: all that the stretches cover. */
  readonly length?: number;
  /** Gives a complex signal; needs both halves of the spectrum. Default false. */
  readonly returnComplex?: boolean;
}

/** Checks lengths and gives the window with `nFft` weights. */
function frames(name: string, nFft: number, like: Tensor, options: Frames, dtype: DType) {
  const { hopLength = Math.floor(nFft / 4), winLength = nFft } = options;
  const isWhole = [nFft, hopLength, winLength].every((n) => Number.isInteger(n) && n > 0);
  if (!isWhole || winLength > nFft) {
    throw new FlambeauError(
      `${name}: expected positive lengths with winLength ≤ nFft, got nFft ${nFft}, hopLength ` +
        `${hopLength}, winLength ${winLength}.`,
    );
  }
  const window = options.window ?? ones([winLength], { dtype, device: like.device });
  if (window.ndim !== 1 || window.shape[0] !== winLength) {
    throw new ShapeError(
      `${name}: expected a window of winLength = ${winLength} weights, got shape ${showShape(window.shape)}.`,
    );
  }
  const left = Math.floor((nFft - winLength) / 2);
  const whole = winLength === nFft ? window : pad(window, [left, nFft - winLength - left]);
  return { hop: hopLength, window: whole };
}

function requireSignal(name: string, x: Tensor, isSpectrum: boolean): void {
  if (isSpectrum ? !isComplex(x.dtype) : !isFloat(x.dtype) && !isComplex(x.dtype)) {
    throw new DTypeError(
      `${name}: expected ${isSpectrum ? "a complex spectrum" : "floats or complex numbers"}, got ${x.dtype}.`,
    );
  }
  const least = isSpectrum ? 2 : 1;
  if (x.ndim === least || x.ndim === least + 1) return;
  throw new ShapeError(
    `${name}: expected ${isSpectrum ? "[bins, frames] or [batch, bins, frames]" : "[time] or [batch, time]"}, ` +
      `got shape ${showShape(x.shape)}.`,
  );
}

/**
 * Spectra of overlapping stretches of length `nFft` of a signal `[time]` or `[batch, time]`: complex
 * `[…, bins, frames]`. Complex always, as PyTorch with `return_complex=True`.
 */
export const stft = /* @__PURE__ */ composite(
  "stft",
  (x: Tensor, nFft: number, options: StftOptions = {}): Tensor => {
    requireSignal("stft", x, false);
    const { hop, window } = frames("stft", nFft, x, options, x.dtype);
    const { center = true, padMode = "reflect", normalized = false } = options;
    const isReal = !isComplex(x.dtype) && !isComplex(window.dtype);
    const { onesided = isReal } = options;
    if (onesided && !isReal) {
      throw new DTypeError("stft: onesided spectra are those of real signals and windows.");
    }
    const half = Math.floor(nFft / 2);
    const signal = center ? pad(x, [half, half], { mode: padMode }) : x;
    if (signal.shape.at(-1)! < nFft) {
      throw new ShapeError(
        `stft: the signal ${showShape(x.shape)} is shorter than nFft = ${nFft}. Take a smaller nFft.`,
      );
    }
    const stretches = mul(unfold(signal, -1, nFft, hop), window); // [..., frames, nFft]
    const norm = normalized ? "ortho" : "backward";
    const spectra = onesided ? rfft(stretches, { norm }) : fft(stretches, { norm });
    return transpose(spectra, -1, -2);
  },
  {
    samples: [
      (make) => [make([20]), 8],
      (make) => [
        make([2, 18]),
        6,
        { hopLength: 4, center: false, onesided: false, normalized: true },
      ],
      (make) => [make([15]), 8, { winLength: 5, padMode: "constant", window: make([5], 0.5, 1) }],
    ],
    dtypes: ["float32", "float64"],
    skips: { extreme: "one NaN or infinity spoils its whole stretch, in one of several ways" },
  },
);

/** Throws where the windows leave a part of the signal at zero, if values can be read. */
function requireCover(envelope: Tensor): void {
  const hasValues = !envelope.isAbstract && envelope.device.name !== "null";
  if (!hasValues || modes.recorder !== undefined) return;
  const least = noGrad(() => amin(abs(envelope)).itemSync());
  if (least > 1e-11) return;
  throw new FlambeauError(
    `istft: the windows overlap to ${least} somewhere, and nothing is known of the signal there. Take a ` +
      `smaller hopLength, a wider window, or center: true.`,
  );
}

/** The signal `[time]` or `[batch, time]` whose `stft` is closest to `[…, bins, frames]`. */
export const istft = /* @__PURE__ */ composite(
  "istft",
  (x: Tensor, nFft: number, options: IstftOptions = {}): Tensor => {
    requireSignal("istft", x, true);
    const { center = true, normalized = false, returnComplex = false, length } = options;
    const { onesided = x.shape.at(-2) !== nFft || nFft === 1 } = options;
    const real: DType = x.dtype === "complex128" ? "float64" : "float32";
    const { hop, window } = frames("istft", nFft, x, options, real);
    const bins = onesided ? Math.floor(nFft / 2) + 1 : nFft;
    if (x.shape.at(-2) !== bins || x.shape.at(-1) === 0) {
      throw new ShapeError(
        `istft: expected [${bins}, frames] or [batch, ${bins}, frames] for nFft = ${nFft}, got shape ` +
          `${showShape(x.shape)}.`,
      );
    }
    if (returnComplex && onesided) {
      throw new DTypeError(
        "istft: a complex signal needs both halves of the spectrum: onesided: false.",
      );
    }
    const norm = normalized ? "ortho" : "backward";
    const spectra = transpose(x, -1, -2);
    const stretches = onesided ? irfft(spectra, { n: nFft, norm }) : ifft(spectra, { norm });
    const plain = returnComplex || !isComplex(stretches.dtype) ? stretches : cast(stretches, real);
    const count = x.shape.at(-1)!;
    const total = nFft + hop * (count - 1);
    const added = (rows: Tensor): Tensor => {
      const shape = [...rows.shape.slice(0, -2), total];
      return overlapped(rows, {
        axis: shape.length - 1,
        size: nFft,
        step: hop,
        dilation: 1,
        shape,
      });
    };
    const weights = expand(reshape(mul(window, window), [1, nFft]), [count, nFft]);
    const start = center ? Math.floor(nFft / 2) : 0;
    const end =
      length !== undefined ? start + length : center ? total - Math.floor(nFft / 2) : total;
    const part = (signal: Tensor): Tensor => slice(signal, -1, { start, end });
    const envelope = part(added(weights));
    requireCover(envelope);
    const signal = div(part(added(mul(plain, window))), envelope);
    return end <= total ? signal : pad(signal, [0, end - total]);
  },
  {
    samples: [
      (make) => [make([5, 6]), 8],
      (make) => [make([2, 4, 5]), 7, { hopLength: 3, center: false, normalized: true }],
      (make) => [
        make([4, 8]),
        4,
        { onesided: false, window: linspace(0.5, 1, 3), winLength: 3, length: 8 },
      ],
    ],
    dtypes: ["complex64", "complex128"],
    skips: { extreme: "one NaN or infinity spoils its whole stretch, in one of several ways" },
  },
);
