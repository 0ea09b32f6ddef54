// torch.fft: Fourier transforms, their frequencies and their order.
export {
  type FFTAxesOptions, type FFTNorm, type FFTOptions,
  fft, fft2, fftn, hfft, hfftn, ifft, ifft2, ifftn, ihfft, ihfftn, irfft, irfft2, irfftn, rfft, rfft2, rfftn,
} from "./fft.ts"; // prettier-ignore
export { fftfreq, fftshift, ifftshift, rfftfreq } from "./frequencies.ts";
