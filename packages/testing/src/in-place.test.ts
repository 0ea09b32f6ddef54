// Optimiser steps write over memory that nobody else holds, and only over that.
import { Parameter, type Tensor, device, manualSeed, randn, scope } from "@flambeau/core";
import { Adam, AdamW, type Optimizer, SGD } from "@flambeau/optim";
import { describe, expect, test } from "vitest";
import { testedDevices } from "./devices.ts";

const makers: { readonly [name: string]: (params: Parameter[]) => Optimizer } = {
  SGD: (params) => new SGD(params, { lr: 0.1 }),
  momentum: (params) => new SGD(params, { lr: 0.1, momentum: 0.9, weightDecay: 0.01 }),
  nesterov: (params) => new SGD(params, { lr: 0.1, momentum: 0.9, nesterov: true }),
  Adam: (params) => new Adam(params, { lr: 0.1, weightDecay: 0.01 }),
  amsgrad: (params) => new Adam(params, { lr: 0.1, amsgrad: true }),
  AdamW: (params) => new AdamW(params, { lr: 0.1 }),
};

/** Five steps; `hold` sees the parameter before each. Gives the parameter. */
function train(name: string, make: string, hold: (parameter: Parameter) => void): Parameter {
  manualSeed(1);
  const on = { device: device(name) };
  const parameter = new Parameter(scope(() => randn([37, 53], on)));
  const optimizer = makers[make]!([parameter]);
  for (let step = 0; step < 5; step++) {
    hold(parameter);
    scope(() => {
      parameter.grad = randn([37, 53], on);
      optimizer.step();
    });
  }
  return parameter;
}

describe.each(testedDevices)("%s", (name) => {
  test.each(Object.keys(makers))("%s gives the same where memory is written over", (make) => {
    const handles: Tensor[] = [];
    const values: Uint8Array[] = [];
    const copied = train(name, make, (parameter) => {
      handles.push(parameter.detach());
      values.push(bytesOf(parameter));
    });
    const own = train(name, make, () => {});
    expect(bytesOf(own)).toEqual(bytesOf(copied));
    // What was seen before a step stays as it was.
    expect(handles.map(bytesOf)).toEqual(values);
    expect(new Set(values.map(String)).size).toBe(5);
  });

  test("a parameter keeps its memory where the device can write over it", () => {
    const seen: unknown[] = [];
    train(name, "momentum", (parameter) => seen.push(parameter.handle));
    // Whoever made the first value may hold it.
    expect(new Set(seen.slice(1)).size === 1).toBe(device(name).backend.updatesInPlace === true);
  });

  test("a gradient that is the parameter itself is read whole", () => {
    const on = { device: device(name) };
    const parameter = new Parameter(scope(() => randn([64], on)));
    const before = bytesOf(parameter);
    const optimizer = new SGD([parameter], { lr: 1 });
    scope(() => {
      parameter.grad = parameter;
      optimizer.step();
    });
    expect(before.some((byte) => byte !== 0)).toBe(true);
    expect(bytesOf(parameter).every((byte) => byte === 0)).toBe(true);
  });
});

function bytesOf(x: Tensor): Uint8Array {
  const values = x.dataSync();
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
}
