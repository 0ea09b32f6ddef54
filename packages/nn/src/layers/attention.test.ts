// What PyTorch's golden cases leave out: masks of both kinds, rows without keys, copies, training.
import {
  type Tensor,
  func,
  manualSeed,
  ones,
  rand,
  randn,
  scaledDotProductAttention,
  tensor,
  zeros,
} from "@flambeau/core";
import { beforeEach, describe, expect, test } from "vitest";
import * as nn from "../index.ts";

beforeEach(() => void manualSeed(11));

const float64 = { dtype: "float64" } as const;

function expectClose(a: Tensor, b: Tensor): void {
  expect(a.shape).toEqual(b.shape);
  expect(a.sub(b).abs().amax().itemSync()).toBeLessThan(1e-12);
}

describe("scaledDotProductAttention", () => {
  const query = randn([2, 3, 4], float64);

  test("looks nowhere where all is masked", () => {
    const mask = tensor([[true, false, true], [false, false, false], [true, true, true]]); // prettier-ignore
    const attend = (x: Tensor): Tensor => scaledDotProductAttention(x, x, x, { mask });
    expect(attend(query).at(":", 1).toArray()).toEqual(zeros([2, 4]).toArray());
    const grad = func.grad((x: Tensor) => attend(x).square().sum())(query) as Tensor;
    expect(grad.isfinite().all().itemSync()).toBe(1);
  });

  test("gives groups of heads their keys", () => {
    const q = randn([1, 4, 3, 2], float64);
    const k = randn([1, 2, 3, 2], float64);
    const shared = scaledDotProductAttention(q, k, k, { enableGqa: true });
    const each = k.at(":", [0, 0, 1, 1]);
    expectClose(shared, scaledDotProductAttention(q, each, each));
  });

  test("is mapped over batches, also of masks", () => {
    const mask = rand([2, 3, 3]).gt(0.4);
    const attend = (x: Tensor, m: Tensor): Tensor =>
      scaledDotProductAttention(x, x, x, { mask: m });
    expectClose(func.vmap(attend)(query, mask), attend(query, mask));
  });

  test("says what does not fit", () => {
    const call = scaledDotProductAttention;
    expect(() => call(query, ones([2, 3, 5], float64), query)).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: scaledDotProductAttention: queries and keys have the same size (last axis), got [2, 3, 4], [2, 3, 5] and [2, 3, 4].]`,
    );
    expect(() => call(query, query, ones([2, 5, 4], float64))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: scaledDotProductAttention: there is one value for each key (axis -2), got [2, 3, 4], [2, 3, 4] and [2, 5, 4].]`,
    );
    expect(() =>
      call(query, query, query, { mask: ones([3, 3], { dtype: "int32" }) }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: scaledDotProductAttention: the mask is bool (true where a query may look) or float (added to the scores), got int32. Compare it, for instance mask.ne(0).]`,
    );
    expect(() =>
      call(query, query, query, { mask: ones([3, 3]), causal: true }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: scaledDotProductAttention: pass a mask or causal, not both. Join them: mask.logicalAnd(ones([queries, keys], { dtype: "bool" }).tril()).]`,
    );
    expect(() => call(query, query, query, { enableGqa: true, mask: ones([2, 2]) })).toThrow("broadcast"); // prettier-ignore
  });
});

describe("MultiheadAttention", () => {
  test("gives the same with weights and without", () => {
    const layer = new nn.MultiheadAttention(8, 2, {
      ...float64,
      batchFirst: true,
      addZeroAttn: true,
    });
    const x = randn([2, 4, 8], float64);
    const keyPaddingMask = tensor([[false, false, false, true], [false, true, false, false]]); // prettier-ignore
    const options = { keyPaddingMask, causal: true };
    const [output, weights] = layer(x, x, x, options);
    expect(weights!.shape).toEqual([2, 4, 5]);
    expect(layer(x, x, x, { ...options, averageWeights: false })[1]!.shape).toEqual([2, 2, 4, 5]);
    const [again, none] = layer(x, x, x, { ...options, needWeights: false });
    expectClose(again, output);
    expect(none).toBe(undefined);
  });

  test("says what does not fit", () => {
    expect(() => new nn.MultiheadAttention(8, 3)).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: MultiheadAttention: embedDim must be a multiple of numHeads, got 8 and 3.]`,
    );
    const layer = new nn.MultiheadAttention(8, 2);
    const x = zeros([4, 2, 8]);
    expect(() => layer(x, x, zeros([4, 2, 6]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: MultiheadAttention: expected query, key and value of [length, batch, size] (or [length, size]) with sizes 8, 8, 8, got [4, 2, 8], [4, 2, 8], [4, 2, 6].]`,
    );
    expect(() =>
      layer(x, x, x, { keyPaddingMask: zeros([4, 2], { dtype: "bool" }).at([0, 1, 2]) }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: MultiheadAttention: expected a keyPaddingMask [batch, keys] of shape [2, 4], got [3, 2].]`,
    );
  });
});

describe("Transformer", () => {
  const options = { ...float64, dimFeedforward: 16, dropout: 0 };

  test("copies its layers", () => {
    const layer = new nn.TransformerEncoderLayer(8, 2, options);
    const encoder = new nn.TransformerEncoder(layer, 2);
    expect(encoder.layers[0]).not.toBe(layer);
    expect(encoder.parameters()).toHaveLength(24);
    const x = randn([3, 2, 8], float64);
    expectClose(encoder(x), layer(layer(x)));
  });

  test("has PyTorch's order of parameters", () => {
    const names = Object.keys(new nn.TransformerDecoderLayer(8, 2, options).stateDict());
    expect(names.map((name) => name.split(".")[0]).filter((name, i, all) => name !== all[i - 1])).toEqual(
      ["self_attn", "multihead_attn", "linear1", "linear2", "norm1", "norm2", "norm3"],
    );
  });

  test("knows the causal mask", () => {
    const model = new nn.Transformer({ ...options, dModel: 8, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1 });
    const [source, target] = [randn([4, 2, 8], float64), randn([3, 2, 8], float64)];
    const tgtMask = nn.Transformer.generateSquareSubsequentMask(3);
    expectClose(model(source, target, { tgtCausal: true }), model(source, target, { tgtMask }));
  });
}); // prettier-ignore
