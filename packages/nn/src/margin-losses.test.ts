// Loss modules pass on their options; the losses themselves are tested against PyTorch's numbers.
import { type Tensor, ones, tensor, zeros } from "@flambeau/core";
import { describe, expect, test } from "vitest";
import * as nn from "./index.ts";

const scores = tensor([[0.5, -1, 2]]);
const signs = tensor([[1, -1, 1]]);
const classes = tensor([1], { dtype: "int64" });

const cases: { readonly [name: string]: () => Tensor } = {
  KLDivLoss: () => new nn.KLDivLoss({ reduction: "batchmean", logTarget: true })(scores, zeros([1, 3])), // prettier-ignore
  PoissonNLLLoss: () => new nn.PoissonNLLLoss({ logInput: false, eps: 1, reduction: "sum" })(ones([2]), ones([2])), // prettier-ignore
  GaussianNLLLoss: () => new nn.GaussianNLLLoss({ full: true })(scores, scores, ones([1, 3])),
  CTCLoss: () =>
    new nn.CTCLoss({ reduction: "sum" })(zeros([2, 1, 3]), tensor([[1]], { dtype: "int64" })),
  HingeEmbeddingLoss: () => new nn.HingeEmbeddingLoss({ margin: 2 })(scores, signs),
  MarginRankingLoss: () => new nn.MarginRankingLoss({ margin: 1 })(scores, zeros([1, 3]), signs),
  SoftMarginLoss: () => new nn.SoftMarginLoss({ reduction: "sum" })(zeros([1, 3]), signs),
  MultiMarginLoss: () => new nn.MultiMarginLoss({ p: 2, margin: 0.5 })(scores, classes),
  MultiLabelMarginLoss: () =>
    new nn.MultiLabelMarginLoss()(scores, tensor([[2, -1, 0]], { dtype: "int64" })),
  MultiLabelSoftMarginLoss: () =>
    new nn.MultiLabelSoftMarginLoss({ weight: tensor([1, 0, 0]) })(zeros([1, 3]), ones([1, 3])),
  CosineEmbeddingLoss: () => new nn.CosineEmbeddingLoss()(scores, scores, tensor([-1])),
  TripletMarginLoss: () => new nn.TripletMarginLoss({ margin: 3 })(scores, scores, scores),
  TripletMarginWithDistanceLoss: () =>
    new nn.TripletMarginWithDistanceLoss({ distanceFunction: (a, b) => a.sub(b).sum(-1) })(
      scores,
      zeros([1, 3]),
      ones([1, 3]),
    ),
};

describe("losses", () => {
  test("take their options", () => {
    const values = Object.entries(cases).map(
      ([name, call]) => `${name} ${call().itemSync().toFixed(4)}`,
    );
    expect(values).toMatchInlineSnapshot(`
      [
        "KLDivLoss -1.5000",
        "PoissonNLLLoss 0.6137",
        "GaussianNLLLoss 0.9189",
        "CTCLoss -1.0986",
        "HingeEmbeddingLoss 1.8333",
        "MarginRankingLoss 0.1667",
        "SoftMarginLoss 2.0794",
        "MultiMarginLoss 5.4167",
        "MultiLabelMarginLoss 0.0000",
        "MultiLabelSoftMarginLoss 0.2310",
        "CosineEmbeddingLoss 1.0000",
        "TripletMarginLoss 3.0000",
        "TripletMarginWithDistanceLoss 4.0000",
      ]
    `);
  });
});
