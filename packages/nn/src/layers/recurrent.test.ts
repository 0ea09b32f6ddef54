// What PyTorch's golden cases leave out: layouts, dropout between layers, cells, tracing, refusals.
import { type Tensor, func, manualSeed, randn, stack, trace, zeros } from "@flambeau/core";
import { beforeEach, describe, expect, test } from "vitest";
import * as nn from "../index.ts";

beforeEach(() => void manualSeed(7));

const float64 = { dtype: "float64" } as const;

function expectClose(a: Tensor, b: Tensor): void {
  expect(a.shape).toEqual(b.shape);
  expect(a.sub(b).abs().amax().itemSync()).toBeLessThan(1e-12);
}

describe("recurrent layers", () => {
  test("have PyTorch's names", () => {
    const options = { numLayers: 2, bidirectional: true, projSize: 2 };
    const names = Object.keys(new nn.LSTM(3, 4, options).stateDict());
    expect(names.slice(0, 6)).toEqual([
      "weight_ih_l0",
      "weight_hh_l0",
      "bias_ih_l0",
      "bias_hh_l0",
      "weight_hr_l0",
      "weight_ih_l0_reverse",
    ]);
    expect(names).toHaveLength(20);
    expect(String(new nn.GRU(3, 4, { numLayers: 2, dropout: 0.5, batchFirst: true }))).toBe(
      "GRU(3, 4, numLayers=2, batchFirst=true, dropout=0.5)",
    );
  });

  test("are their cells, step by step", () => {
    const x = randn([4, 2, 3], float64);
    const renamed = (layer: nn.Module) =>
      Object.fromEntries(
        Object.entries(layer.stateDict()).map(([name, value]) => [name.replace("_l0", ""), value]),
      );
    const lstm = new nn.LSTM(3, 5, float64);
    const lstmCell = new nn.LSTMCell(3, 5, float64);
    lstmCell.loadStateDict(renamed(lstm));
    let state: [Tensor, Tensor] | undefined;
    const hidden = x.unbind().map((step) => (state = lstmCell(step, state))[0]);
    const [output, [last, cell]] = lstm(x);
    expectClose(output, stack(hidden));
    expectClose(last.squeeze(0), state![0]);
    expectClose(cell.squeeze(0), state![1]);
    const gru = new nn.GRU(3, 5, float64);
    const gruCell = new nn.GRUCell(3, 5, float64);
    gruCell.loadStateDict(renamed(gru));
    let h: Tensor | undefined;
    for (const step of x.unbind()) h = gruCell(step, h);
    expectClose(gru(x)[1].squeeze(0), h!);
  });

  test("take batches first, and single sequences", () => {
    const layer = new nn.GRU(3, 4, { ...float64, bidirectional: true });
    const turned = new nn.GRU(3, 4, { ...float64, bidirectional: true, batchFirst: true });
    turned.loadStateDict(layer.stateDict());
    const x = randn([5, 2, 3], float64);
    const [output, last] = layer(x);
    expectClose(turned(x.transpose(0, 1))[0], output.transpose(0, 1));
    expectClose(turned(x.transpose(0, 1))[1], last);
    const [one, its] = layer(x.at(":", 1));
    expectClose(one, output.at(":", 1));
    expectClose(its, last.at(":", 1));
  });

  test("drop between layers, in training", () => {
    const layer = new nn.RNN(3, 4, { numLayers: 2, dropout: 0.9 });
    const x = randn([5, 2, 3]);
    const same = () => layer(x)[0].eq(layer(x)[0]).all().itemSync();
    expect(same()).toBe(0);
    layer.eval();
    expect(same()).toBe(1);
  });

  test("are traced with their backward pass", () => {
    const layer = new nn.LSTM(3, 4, { ...float64, numLayers: 2 });
    const loss = (y: Tensor): Tensor => layer(y)[0].square().sum();
    const step = trace((y: Tensor) => {
      const value = loss(y);
      value.backward();
      return value;
    });
    const x = randn([4, 2, 3], float64);
    expectClose(step(x), loss(x));
    const traced = layer.parameters().map((parameter) => parameter.grad!.clone());
    layer.zeroGrad();
    loss(x).backward();
    layer.parameters().forEach((parameter, i) => expectClose(parameter.grad!, traced[i]!));
  });

  test("are mapped over batches", () => {
    const layer = new nn.LSTM(3, 4, float64);
    const x = randn([3, 5, 2, 3], float64);
    const mapped = func.vmap((y: Tensor) => layer(y)[0])(x);
    expectClose(mapped, stack(x.unbind().map((y) => layer(y)[0])));
  });

  test("say what does not fit", () => {
    const layer = new nn.LSTM(3, 4);
    expect(() => layer(zeros([2, 5]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: LSTM: expected an input [steps, batch, 3], or [steps, 3], got shape [2, 5]. Pad sequences of different lengths; there are no packed ones.]`,
    );
    expect(() =>
      layer(zeros([5, 2, 3]), [zeros([1, 2, 4]), zeros([1, 3, 4])]),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: LSTM: expected a state [layers · directions, batch, size] of shape [1, 2, 4], got [1, 3, 4].]`,
    );
    expect(() => layer(zeros([0, 2, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: lstmLayer: expected at least one step, got an input of shape [0, 2, 3].]`,
    );
    expect(() => new nn.LSTM(3, 4, { projSize: 4 })).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: LSTM: expected numLayers of at least 1 and a projSize below hiddenSize 4, got 1 and 4.]`,
    );
    expect(() => new nn.GRUCell(3, 4)(zeros([2, 2]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: GRUCell: expected an input [batch, 3] or [3], got shape [2, 2].]`,
    );
  });
});
