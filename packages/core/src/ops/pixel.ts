// Channels turned into pixels and back: nothing but reshapes and permutations.
import { ShapeError, showShape } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import { composite } from "./define.ts";
import { permute, reshape } from "./view.ts";

function requireDivisible(name: string, x: Tensor, fits: boolean, what: string): void {
  if (fits) return;
  throw new ShapeError(
    `${name}: expected a shape […, channels, height, width] with ${what}, got ${showShape(x.shape)}.`,
  );
}

/** Channels as pixels: `[…, c·r², h, w]` → `[…, c, h·r, w·r]`. */
export const pixelShuffle = /* @__PURE__ */ composite(
  "pixelShuffle",
  (x: Tensor, factor: number): Tensor => {
    const [channels = 0, height = 0, width = 0] = x.shape.slice(-3);
    const isWhole = x.ndim >= 3 && Number.isInteger(factor) && factor > 0;
    const fits = isWhole && channels % factor ** 2 === 0;
    requireDivisible("pixelShuffle", x, fits, `channels divisible by ${factor}²`);
    const [r, c] = [factor, channels / factor ** 2];
    const batch = x.shape.slice(0, -3);
    const n = batch.length;
    const apart = reshape(x, [...batch, c, r, r, height, width]);
    const order = [...batch.keys(), n, n + 3, n + 1, n + 4, n + 2];
    return reshape(permute(apart, order), [...batch, c, height * r, width * r]);
  },
  { samples: [(make) => [make([1, 8, 2, 3]), 2], (make) => [make([9, 1, 2]), 3]] },
);

/** Pixels as channels: `[…, c, h·r, w·r]` → `[…, c·r², h, w]`. */
export const pixelUnshuffle = /* @__PURE__ */ composite(
  "pixelUnshuffle",
  (x: Tensor, factor: number): Tensor => {
    const [channels = 0, height = 0, width = 0] = x.shape.slice(-3);
    const isWhole = x.ndim >= 3 && Number.isInteger(factor) && factor > 0;
    const fits = isWhole && height % factor === 0 && width % factor === 0;
    requireDivisible("pixelUnshuffle", x, fits, `height and width divisible by ${factor}`);
    const [r, h, w] = [factor, height / factor, width / factor];
    const batch = x.shape.slice(0, -3);
    const n = batch.length;
    const apart = reshape(x, [...batch, channels, h, r, w, r]);
    const order = [...batch.keys(), n, n + 2, n + 4, n + 1, n + 3];
    return reshape(permute(apart, order), [...batch, channels * r * r, h, w]);
  },
  { samples: [(make) => [make([1, 2, 4, 6]), 2], (make) => [make([1, 3, 3]), 3]] },
);

/** Channels (axis 1) dealt out between groups: `[b, g, c/g, …]` with the middle axes exchanged. */
export const channelShuffle = /* @__PURE__ */ composite(
  "channelShuffle",
  (x: Tensor, groups: number): Tensor => {
    const channels = x.shape[1] ?? 0;
    if (x.ndim < 3 || !Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
      throw new ShapeError(
        `channelShuffle: expected a shape [batch, channels, …] with channels divisible by ${groups} ` +
          `groups, got ${showShape(x.shape)}.`,
      );
    }
    const [batch, , ...rest] = x.shape as [number, number, ...number[]];
    const apart = reshape(x, [batch, groups, channels / groups, ...rest]);
    const order = [0, 2, 1, ...rest.map((_, i) => i + 3)];
    return reshape(permute(apart, order), x.shape);
  },
  { samples: [(make) => [make([2, 6, 2]), 3], (make) => [make([1, 4, 2, 2]), 2]] },
);
