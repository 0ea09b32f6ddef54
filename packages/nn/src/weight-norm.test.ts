import { type Tensor, manualSeed, randn } from "@flambeau/core";
import { expect, test } from "vitest";
import * as nn from "./index.ts";

const distance = (a: Tensor, b: Tensor): number => a.sub(b).abs().amax().itemSync();

test("weightNorm keeps the function, and its parts learn", () => {
  manualSeed(4);
  const layer = new nn.Linear(3, 2);
  const x = randn([5, 3]);
  const before = layer(x);
  nn.weightNorm(layer);
  expect(Object.keys(layer.stateDict())).toEqual(["bias", "weight_g", "weight_v"]);
  expect(distance(layer(x), before)).toBeLessThan(1e-6);
  layer(x).square().sum().backward();
  const [, g, v] = layer.parameters();
  expect(g!.shape).toEqual([2, 1]);
  // Directions have gradients across them only.
  expect(v!.grad!.mul(v!).sum(1).abs().amax().itemSync()).toBeLessThan(1e-4);
  g!.assign(g!.mul(2));
  const doubled = layer(x);
  expect(distance(doubled.sub(layer.bias!), before.sub(layer.bias!).mul(2))).toBeLessThan(1e-5);
  nn.removeWeightNorm(layer);
  expect(Object.keys(layer.stateDict())).toEqual(["weight", "bias"]);
  expect(distance(layer(x), doubled)).toBeLessThan(1e-6);
  expect(() => nn.removeWeightNorm(layer)).toThrowErrorMatchingInlineSnapshot(
    `[FlambeauError: removeWeightNorm: Linear.weight has no weight norm.]`,
  );
  expect(() => nn.weightNorm(layer, { name: "scale" })).toThrowErrorMatchingInlineSnapshot(
    `[FlambeauError: weightNorm: Linear.scale is not a Parameter. Name one with { name }.]`,
  );
});
