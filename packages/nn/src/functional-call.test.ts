import { type Tensor, Variable, func, manualSeed, ones, randn, stack, zeros } from "@flambeau/core";
import { beforeEach, describe, expect, test } from "vitest";
import * as nn from "./index.ts";

beforeEach(() => void manualSeed(5));

type State = { readonly [name: string]: Tensor };

const model = () => new nn.Sequential(new nn.Linear(3, 4), new nn.Tanh(), new nn.Linear(4, 1));

function expectClose(a: Tensor, b: Tensor): void {
  expect(a.shape).toEqual(b.shape);
  expect(a.sub(b).abs().amax().itemSync()).toBeLessThan(1e-6);
}

describe("functionalCall", () => {
  test("differentiates with respect to the state", () => {
    const net = model();
    const x = randn([5, 3]);
    const loss = (state: State): Tensor => nn.functionalCall(net, state, x).square().mean();
    const grads = func.grad(loss)(net.stateDict()) as State;
    net(x).square().mean().backward();
    for (const [name, parameter] of net.namedParameters())
      expectClose(grads[name]!, parameter.grad!);
  });

  test("gives a gradient for each sample, and runs ensembles", () => {
    const net = model();
    const x = randn([5, 3]);
    const loss = (state: State, y: Tensor): Tensor =>
      nn.functionalCall(net, state, y).square().sum();
    const perSample = func.vmap(func.grad(loss), { inAxes: [null, 0] });
    const grads = perSample(net.stateDict(), x) as State;
    expect(grads["0.weight"]!.shape).toEqual([5, 4, 3]);
    const total = func.grad(loss)(net.stateDict(), x) as State;
    expectClose(grads["0.weight"]!.sum(0), total["0.weight"]!);
    const nets = [model(), model()];
    const names = Object.keys(net.stateDict());
    const stacked = Object.fromEntries(
      names.map((name) => [name, stack(nets.map((one) => one.stateDict()[name]!))]),
    );
    const call = (state: State): Tensor => nn.functionalCall(net, state, x);
    expectClose(func.vmap(call)(stacked), stack(nets.map((one) => one(x))));
  });

  test("replaces tied parameters everywhere, and puts all back", () => {
    class Tied extends nn.Module {
      readonly encode = new nn.Linear(3, 3, { bias: false });
      readonly decode = this.encode.weight;
      forward(x: Tensor): Tensor {
        return this.encode(x).matmul(this.decode);
      }
    }
    const net = new Tied();
    const before = net.encode.weight;
    const result = nn.functionalCall(net, { "encode.weight": zeros([3, 3]) }, ones([2, 3]));
    expect(result.sum().itemSync()).toBe(0);
    expect(net.encode.weight).toBe(before);
    expect(net.decode).toBe(before);
  });

  test("leaves the module's own statistics alone", () => {
    const norm = new nn.BatchNorm1d(3);
    const mean = new Variable(zeros([3]));
    nn.functionalCall(norm, { running_mean: mean }, randn([8, 3]).add(5));
    expect(norm.runningMean!.toArray()).toEqual([0, 0, 0]);
    expect(mean.sum().itemSync()).toBeGreaterThan(0);
    nn.functionalCall(norm, { running_mean: ones([3]) }, randn([8, 3]));
    expect(norm.runningMean!.toArray()).toEqual([0, 0, 0]);
  });

  test("says what does not fit", () => {
    const net = model();
    expect(() =>
      nn.functionalCall(net, { weight: ones([1]) }, ones([1, 3])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: functionalCall: Sequential has no parameter or buffer "weight". It has 0.weight, 0.bias, 2.weight, 2.bias.]`,
    );
    expect(() =>
      nn.functionalCall(net, { "0.bias": ones([3]) }, ones([1, 3])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: functionalCall: 0.bias has shape [4], got [3].]`,
    );
  });
});

describe("parameters as a vector", () => {
  test("there and back", () => {
    const net = model();
    const vector = nn.parametersToVector(net.parameters());
    expect(vector.shape).toEqual([21]);
    const other = model();
    nn.vectorToParameters(vector, other.parameters());
    const x = randn([2, 3]);
    expectClose(other(x), net(x));
    expect(() =>
      nn.vectorToParameters(ones([3]), other.parameters()),
    ).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: vectorToParameters: expected a vector of 21 elements, got shape [3].]`,
    );
  });
});
