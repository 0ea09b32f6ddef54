// Fourier transforms of PyTorch in Flambeau. Assembled in golden-adapter.ts.
import * as f from "@flambeau/core";
import type { Tensor } from "@flambeau/core";
import { type Entry, fn } from "./golden-call.ts";

const { fft } = f;

const oneAxis = (call: typeof fft.fft): Entry =>
  fn("input n dim norm", (x: Tensor, n?: number, axis?: number, norm?: f.fft.FFTNorm) =>
    call(x, { n, axis, norm }),
  );

type Numbers = readonly number[];

const severalAxes = (call: typeof fft.fftn): Entry =>
  fn("input s dim norm", (x: Tensor, shape?: Numbers, axes?: Numbers, norm?: f.fft.FFTNorm) =>
    call(x, { shape, axes, norm }),
  );

type Length = number | undefined;

const window = (call: typeof f.hannWindow): Entry =>
  fn("window_length periodic dtype", (n: number, periodic?: boolean, dtype?: f.DType) =>
    call(n, { periodic, dtype }),
  );

export const spectra: Readonly<Record<string, Entry>> = {
  "torch.fft.fft": oneAxis(fft.fft),
  "torch.fft.ifft": oneAxis(fft.ifft),
  "torch.fft.rfft": oneAxis(fft.rfft),
  "torch.fft.irfft": oneAxis(fft.irfft),
  "torch.fft.hfft": oneAxis(fft.hfft),
  "torch.fft.ihfft": oneAxis(fft.ihfft),
  "torch.fft.fft2": severalAxes(fft.fft2),
  "torch.fft.ifft2": severalAxes(fft.ifft2),
  "torch.fft.rfft2": severalAxes(fft.rfft2),
  "torch.fft.irfft2": severalAxes(fft.irfft2),
  "torch.fft.fftn": severalAxes(fft.fftn),
  "torch.fft.ifftn": severalAxes(fft.ifftn),
  "torch.fft.rfftn": severalAxes(fft.rfftn),
  "torch.fft.irfftn": severalAxes(fft.irfftn),
  "torch.fft.fftfreq": fn("n d", fft.fftfreq),
  "torch.fft.rfftfreq": fn("n d", fft.rfftfreq),
  "torch.fft.fftshift": fn("input dim", fft.fftshift),
  "torch.fft.ifftshift": fn("input dim", fft.ifftshift),
  "torch.hann_window": window(f.hannWindow),
  "torch.blackman_window": window(f.blackmanWindow),
  "torch.bartlett_window": window(f.bartlettWindow),
  "torch.hamming_window": fn(
    "window_length periodic alpha beta",
    (n: number, periodic?: boolean, alpha?: number, beta?: number) =>
      f.hammingWindow(n, { periodic, alpha, beta }),
  ),
  "torch.kaiser_window": fn(
    "window_length periodic beta",
    (n: number, periodic?: boolean, beta?: number) => f.kaiserWindow(n, { periodic, beta }),
  ),
  "torch.stft": fn(
    "input n_fft hop_length win_length window center pad_mode normalized onesided return_complex",
    (
      x: Tensor,
      nFft: number,
      hopLength?: Length,
      winLength?: Length,
      window?: Tensor,
      center?: boolean,
      padMode?: "reflect" | "constant",
      normalized?: boolean,
      onesided?: boolean,
    ) => f.stft(x, nFft, { hopLength, winLength, window, center, padMode, normalized, onesided }),
  ),
  "torch.istft": fn(
    "input n_fft hop_length win_length window center normalized onesided length return_complex",
    (
      x: Tensor,
      nFft: number,
      hopLength?: Length,
      winLength?: Length,
      window?: Tensor,
      center?: boolean,
      normalized?: boolean,
      onesided?: boolean,
      length?: Length,
      returnComplex?: boolean,
    ) =>
      f.istft(x, nFft, {
        hopLength,
        winLength,
        window,
        center,
        normalized,
        onesided,
        length,
        returnComplex,
      }),
  ),
};
