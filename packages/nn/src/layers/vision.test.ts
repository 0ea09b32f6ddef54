// Layers around ops that the generated suite tests: that they pass on what they were given.
import {
  type Tensor,
  arange,
  manualSeed,
  maxPool2dWithIndices,
  ones,
  randn,
  tensor,
} from "@flambeau/core";
import { describe, expect, test } from "vitest";
import * as nn from "../index.ts";

manualSeed(2);
const image = arange(16).to("float32").reshape([1, 1, 4, 4]);

const shapes: { readonly [name: string]: readonly [() => Tensor, readonly number[]] } = {
  Upsample: [() => new nn.Upsample({ scaleFactor: 2, mode: "bicubic" })(image), [1, 1, 8, 8]],
  UpsamplingNearest2d: [() => new nn.UpsamplingNearest2d({ size: 3 })(image), [1, 1, 3, 3]],
  UpsamplingBilinear2d: [() => new nn.UpsamplingBilinear2d({ scaleFactor: 1.5 })(image), [1, 1, 6, 6]],
  PixelShuffle: [() => new nn.PixelShuffle(2)(ones([1, 8, 2, 2])), [1, 2, 4, 4]],
  PixelUnshuffle: [() => new nn.PixelUnshuffle(2)(image), [1, 4, 2, 2]],
  ChannelShuffle: [() => new nn.ChannelShuffle(2)(ones([1, 4, 2, 2])), [1, 4, 2, 2]],
  Unfold: [() => new nn.Unfold(2, { stride: 2 })(image), [1, 4, 4]],
  AdaptiveAvgPool3d: [() => new nn.AdaptiveAvgPool3d([1, null, 2])(ones([1, 2, 3, 4, 5])), [1, 2, 1, 4, 2]],
  AdaptiveMaxPool1d: [() => new nn.AdaptiveMaxPool1d(2)(ones([1, 2, 5])), [1, 2, 2]],
  AdaptiveMaxPool3d: [() => new nn.AdaptiveMaxPool3d(1)(ones([1, 2, 3, 4, 5])), [1, 2, 1, 1, 1]],
  LPPool2d: [() => new nn.LPPool2d(2, 2)(image), [1, 1, 2, 2]],
  InstanceNorm3d: [() => new nn.InstanceNorm3d(2)(randn([1, 2, 2, 2, 2])), [1, 2, 2, 2, 2]],
  ReflectionPad1d: [() => new nn.ReflectionPad1d([1, 2])(ones([1, 2, 4])), [1, 2, 7]],
  CircularPad2d: [() => new nn.CircularPad2d(1)(image), [1, 1, 6, 6]],
  ReplicationPad3d: [() => new nn.ReplicationPad3d(1)(ones([1, 1, 2, 2, 2])), [1, 1, 4, 4, 4]],
  EmbeddingBag: [() => new nn.EmbeddingBag(5, 3)(tensor([[0, 1], [2, 4]], { dtype: "int64" })), [2, 3]],
  CosineSimilarity: [() => new nn.CosineSimilarity()(ones([2, 3]), ones([2, 3])), [2]],
  PairwiseDistance: [() => new nn.PairwiseDistance({ keepDims: true })(ones([2, 3]), ones([2, 3])), [2, 1]],
}; // prettier-ignore

describe("vision layers", () => {
  test.each(Object.entries(shapes))("%s", (_, [call, shape]) => {
    expect(call().shape).toEqual(shape);
  });

  test("undo each other", () => {
    const columns = new nn.Unfold(2, { stride: 2 })(image);
    expect(new nn.Fold(4, 2, { stride: 2 })(columns).toArray()).toEqual(image.toArray());
    const { values, indices } = maxPool2dWithIndices(image, 2);
    const maxima = new nn.MaxUnpool2d(2)(values, indices);
    expect(maxima.sum().itemSync()).toBe(values.sum().itemSync());
    expect(maxima.at(0, 0, 1, 1).itemSync()).toBe(5);
  });

  test("pad with what was said", () => {
    expect(new nn.ConstantPad1d([0, 2], 7)(ones([1, 1])).toArray()).toEqual([[1, 7, 7]]);
    expect(new nn.ZeroPad2d([1, 0, 0, 0])(ones([1, 1])).toArray()).toEqual([[0, 1]]);
    expect(() => new nn.ZeroPad2d([1, 0])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: ZeroPad2d: expected one width or 4 of them, got [1, 0].]`,
    );
    expect(String(new nn.ConstantPad1d(1, 0.5))).toBe("ConstantPad1d(padding=[1, 1], value=0.5)");
  });
});

describe("dropout", () => {
  test("of channels drops them whole", () => {
    const y = new nn.Dropout3d(0.5)(ones([8, 4, 2, 2, 2])).reshape([32, 8]);
    expect(y.amin(1).eq(y.amax(1)).all().itemSync()).toBe(1);
    expect(
      new nn.Dropout1d(0.5)
        .eval()(ones([2, 2]))
        .sum()
        .itemSync(),
    ).toBe(4);
  });

  test("for SELU keeps mean and variance", () => {
    const x = randn([200, 100]);
    for (const Layer of [nn.AlphaDropout, nn.FeatureAlphaDropout]) {
      const y = new Layer(0.3)(x);
      expect(Math.abs(y.mean().itemSync())).toBeLessThan(0.03);
      expect(Math.abs(y.std().itemSync() - 1)).toBeLessThan(0.03);
    }
  });
});
