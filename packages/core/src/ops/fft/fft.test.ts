// Fourier transforms against their definition, against each other, and their gradients; short-time
// transforms and windows. Generated tests cover options and backends.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradcheck, gradgradcheck } from "../../autograd/gradcheck.ts";
import * as f from "../../index.ts";
import type { Tensor } from "../../tensor.ts";
import * as F from "./index.ts";

const float64 = { dtype: "float64" } as const;

/** The largest difference of two tensors. */
function gap(a: Tensor, b: Tensor): number {
  expect(a.shape).toEqual(b.shape);
  expect(a.dtype).toBe(b.dtype);
  return f.amax(f.abs(f.sub(a, b))).itemSync();
}

const generator = new f.Generator(f.defaultDevice(), 3);
const reals = (...shape: number[]): Tensor => f.randn(shape, { ...float64, generator });
const complexes = (...shape: number[]): Tensor => f.complex(reals(...shape), reals(...shape));

/** The definition, term by term. */
function defined(x: Tensor, sign: -1 | 1): Tensor {
  const n = x.shape[0]!;
  const parts = x.dataSync();
  const result = new Float64Array(2 * n);
  for (let k = 0; k < n; k++) {
    for (let t = 0; t < n; t++) {
      const angle = (2 * Math.PI * ((k * t) % n)) / n;
      const [c, s] = [Math.cos(angle), sign * Math.sin(angle)];
      const [re, im] = [parts[2 * t] as number, parts[2 * t + 1] as number];
      result[2 * k]! += re * c - im * s;
      result[2 * k + 1]! += re * s + im * c;
    }
  }
  return f.tensor(result, { shape: [n], dtype: "complex128" });
}

describe("any length", () => {
  // Powers of 2, 4, 3, 5, products of primes, primes with a stage of their own and without.
  for (const n of [
    1, 2, 3, 4, 5, 6, 7, 8, 12, 15, 16, 30, 31, 32, 36, 37, 49, 60, 97, 121, 128, 131, 210,
  ]) {
    it(`${n}`, () => {
      const x = complexes(n);
      expect(gap(F.fft(x), defined(x, -1))).toBeLessThan(1e-14 * n);
      expect(gap(F.ifft(x, { norm: "forward" }), defined(x, 1))).toBeLessThan(1e-14 * n);
      expect(gap(F.ifft(F.fft(x)), x)).toBeLessThan(1e-14);
    });
  }

  it("a prime of four digits, in float32 too", () => {
    const x = complexes(1009);
    const spectrum = F.fft(x);
    expect(gap(F.ifft(spectrum), x)).toBeLessThan(1e-13);
    expect(gap(F.fft(x.to("complex64")).to("complex128"), spectrum)).toBeLessThan(1e-4);
  });
});

describe("laws", () => {
  const sizes = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 12 }));
  const holds = (law: (rows: number, n: number) => void): void =>
    fc.assert(
      fc.property(sizes, ([rows, n]) => f.scope(() => law(rows, n))),
      { numRuns: 40 },
    );

  it("half spectra are halves, and lead back", () => {
    holds((rows, n) => {
      const x = reals(rows, n);
      const half = F.rfft(x);
      const whole = F.fft(x);
      expect(gap(half, f.slice(whole, -1, { end: Math.floor(n / 2) + 1 }))).toBeLessThan(1e-13);
      expect(gap(F.irfft(half, { n }), x)).toBeLessThan(1e-14);
      expect(gap(F.hfft(F.ihfft(x), { n }), x)).toBeLessThan(1e-14);
    });
  });

  it("several axes are one after the other, in any order", () => {
    holds((rows, n) => {
      const x = complexes(rows, 3, n);
      const one = F.fft(F.fft(F.fft(x, { axis: 0 }), { axis: 1 }), { axis: 2 });
      expect(gap(F.fftn(x), one)).toBeLessThan(1e-12);
      expect(gap(F.ifftn(F.fftn(x, { axes: [2, 0] }), { axes: [0, 2] }), x)).toBeLessThan(1e-13);
      const y = reals(rows, 3, n);
      expect(gap(F.irfftn(F.rfftn(y), { shape: y.shape }), y)).toBeLessThan(1e-13);
      expect(gap(F.hfftn(F.ihfftn(y), { shape: y.shape }), y)).toBeLessThan(1e-13);
    });
  });

  it("energy stays with ortho", () => {
    holds((rows, n) => {
      const x = complexes(rows, n);
      const energy = (z: Tensor) => f.sum(f.square(f.abs(z))).itemSync();
      expect(energy(F.fft2(x, { norm: "ortho" })) / energy(x)).toBeCloseTo(1, 12);
    });
  });

  it("shifts, frequencies and their order", () => {
    expect(F.fftfreq(5, 0.5).toArray()).toEqual([0, 0.4, 0.8, -0.8, -0.4].map(Math.fround));
    expect(F.fftfreq(4).toArray()).toEqual([0, 0.25, -0.5, -0.25]);
    expect(F.rfftfreq(5, 1, float64).toArray()).toEqual([0, 0.2, 0.4]);
    expect(F.fftshift(F.fftfreq(4)).toArray()).toEqual([-0.5, -0.25, 0, 0.25]);
    holds((rows, n) => {
      const x = reals(rows, n);
      expect(gap(F.ifftshift(F.fftshift(x)), x)).toBe(0);
    });
  });
});

describe("gradients", () => {
  /** As functions of real parts, which central differences can move. */
  const inParts =
    (body: (z: Tensor) => Tensor) =>
    (x: Tensor): Tensor => {
      const y = body(f.viewAsComplex(x));
      return y.dtype === "complex128" ? f.viewAsReal(y) : y;
    };
  const fromReal =
    (body: (x: Tensor) => Tensor) =>
    (x: Tensor): Tensor =>
      f.viewAsReal(body(x));
  const start = (...shape: number[]): Tensor =>
    f.tensor(reals(...shape).dataSync(), { shape, ...float64, requiresGrad: true });
  const cases: { readonly [name: string]: readonly [(x: Tensor) => Tensor, Tensor] } = {
    fft: [inParts((z) => F.fft(z, { axis: 0, norm: "ortho" })), start(3, 4, 2)],
    "fft of fewer": [inParts((z) => F.fft(z, { n: 3 })), start(5, 2)],
    "fft of reals": [fromReal((x) => F.fft(x, { n: 7 })), start(2, 5)],
    ifft: [inParts((z) => F.ifft(z)), start(6, 2)],
    "rfft, even": [fromReal((x) => F.rfft(x)), start(2, 6)],
    "rfft, odd": [fromReal((x) => F.rfft(x, { norm: "forward" })), start(5)],
    "irfft, even": [inParts((z) => F.irfft(z)), start(4, 2)],
    "irfft, odd": [inParts((z) => F.irfft(z, { n: 5 })), start(3, 2)],
    hfft: [inParts((z) => F.hfft(z)), start(4, 2)],
    ihfft: [fromReal((x) => F.ihfft(x)), start(6)],
    rfft2: [fromReal((x) => F.rfft2(x)), start(3, 4)],
    irfftn: [inParts((z) => F.irfftn(z)), start(2, 3, 2)],
    stft: [
      fromReal((x) => f.stft(x, 4, { hopLength: 2, window: f.hannWindow(4, float64) })),
      start(2, 8),
    ],
    istft: [inParts((z) => f.istft(z, 4, { window: f.hammingWindow(4, float64) })), start(3, 5, 2)],
    "of products": [inParts((z) => F.ifft(f.mul(F.fft(z), F.fft(z)))), start(5, 2)],
  };
  for (const [name, [body, x]] of Object.entries(cases)) {
    it(name, () => {
      gradcheck(body, [x]);
      gradgradcheck(body, [x]);
    });
  }

  it("gradients of complex numbers are PyTorch's: the conjugate derivative", () => {
    const z = f.tensor(complexes(4).dataSync(), {
      dtype: "complex128",
      shape: [4],
      requiresGrad: true,
    });
    f.sum(f.square(f.abs(F.fft(z)))).backward();
    // ∑|fft(z)|² = 4 · ∑|z|²
    expect(gap(z.grad!, f.mul(z.detach(), 8))).toBeLessThan(1e-13);
  });

  it("vmap transforms rows", () => {
    const x = complexes(3, 4);
    expect(gap(f.func.vmap((row: Tensor) => F.fft(row))(x), F.fft(x))).toBe(0);
  });
});

describe("short-time transforms", () => {
  it("istft leads back", () => {
    const x = reals(2, 50);
    for (const options of [
      { window: f.hannWindow(16, float64) },
      { hopLength: 5, winLength: 12, window: f.hammingWindow(12, float64), normalized: true },
      { onesided: false, hopLength: 3 },
    ]) {
      const spectra = f.stft(x, 16, options);
      expect(gap(f.istft(spectra, 16, { ...options, length: 50 }), x)).toBeLessThan(1e-13);
    }
  });

  it("windows", () => {
    const near = (x: Tensor, expected: readonly number[]): void =>
      x.dataSync().forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6));
    near(f.hannWindow(4), [0, 0.5, 1, 0.5]);
    near(f.hannWindow(5, { periodic: false }), [0, 0.5, 1, 0.5, 0]);
    near(f.hammingWindow(4), [0.08, 0.54, 1, 0.54]);
    near(f.blackmanWindow(4), [0, 0.34, 1, 0.34]);
    near(f.bartlettWindow(4), [0, 0.5, 1, 0.5]);
    near(f.kaiserWindow(4), [0.0000527734, 0.2156727, 1, 0.2156727]);
    expect(f.hannWindow(1).toArray()).toEqual([1]);
    expect(f.hannWindow(0).shape).toEqual([0]);
  });

  it("errors", () => {
    const messageOf = (body: () => unknown): string => {
      try {
        body();
      } catch (error) {
        return String(error);
      }
      return "nothing was thrown";
    };
    expect([
      messageOf(() => F.fft(f.ones([0]))),
      messageOf(() => F.fft(f.ones([]))),
      messageOf(() => F.rfft(complexes(3))),
      messageOf(() => F.fft(f.ones([3]), { norm: "backwards" as "backward" })),
      messageOf(() => F.fftn(f.ones([2, 3]), { axes: [0, -2] })),
      messageOf(() => f.stft(f.ones([3]), 8, { center: false })),
      messageOf(() => f.stft(f.ones([30]), 8, { window: f.ones([5]) })),
      messageOf(() => f.istft(complexes(4, 3), 8)),
      messageOf(() =>
        f.istft(complexes(5, 3), 8, { window: f.hannWindow(8, float64), center: false }),
      ),
    ]).toMatchInlineSnapshot(`
      [
        "ShapeError: fft.fft: expected a transform of at least 1 element, got 0. Check n and the shape.",
        "ShapeError: fft.fft: a 0-d tensor has no axis to transform. Reshape it to [1].",
        "DTypeError: fft.rfft: expected real numbers, got complex128. Use fft.fft.",
        "FlambeauError: fft.fft: norm "backwards" is not known. Expected "backward", "forward" or "ortho".",
        "ShapeError: fft.fftn: expected distinct axes and as many lengths, got axes [0, -2].",
        "ShapeError: stft: the signal [3] is shorter than nFft = 8. Take a smaller nFft.",
        "ShapeError: stft: expected a window of winLength = 8 weights, got shape [5].",
        "ShapeError: istft: expected [5, frames] or [batch, 5, frames] for nFft = 8, got shape [4, 3].",
        "FlambeauError: istft: the windows overlap to 0 somewhere, and nothing is known of the signal there. Take a smaller hopLength, a wider window, or center: true.",
      ]
    `);
  });
});
