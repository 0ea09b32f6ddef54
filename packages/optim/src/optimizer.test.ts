// Groups, state and errors of optimizers. The formulas are checked in optimizers.test.ts.
import { Parameter, type Tensor, defaultDevice, tensor, trace, zeros } from "@flambeau/core";
import { expect, test } from "vitest";
import { Adam, AdamW, ExponentialLR, SGD } from "./index.ts";

const ones = (): Parameter => new Parameter(tensor([1, 1]));

function setGrad(parameter: Parameter, value = 1): void {
  parameter.grad = tensor([value, value]);
}

test("parameters without gradients stay, and keep a step count of their own", () => {
  const [a, b] = [ones(), ones()];
  const optimizer = new Adam([a, b], { lr: 0.1 });
  setGrad(a);
  setGrad(b);
  optimizer.step();
  b.grad = undefined;
  const before = b.toArray();
  optimizer.step();
  expect(b.toArray()).toEqual(before);
  setGrad(b);
  optimizer.step();
  const { state } = optimizer.stateDict();
  expect([state[0]!.step!.itemSync(), state[1]!.step!.itemSync()]).toEqual([3, 2]);

  // The same history alone gives the same values.
  const alone = ones();
  const other = new Adam([alone], { lr: 0.1 });
  for (let i = 0; i < 2; i++) {
    setGrad(alone);
    other.step();
  }
  expect(b.toArray()).toEqual(alone.toArray());
});

test("groups have their own hyperparameters", () => {
  const [a, b, c] = [ones(), ones(), ones()];
  const optimizer = new SGD([{ params: [a] }, { params: b, lr: 0.5 }], { lr: 0.25 });
  optimizer.addParamGroup({ params: [c], weightDecay: 1 });
  for (const one of [a, b, c]) setGrad(one);
  optimizer.step();
  expect([a, b, c].map((one) => one.toArray())).toEqual([
    [0.75, 0.75],
    [0.5, 0.5],
    [0.5, 0.5],
  ]);
  optimizer.zeroGrad();
  expect([a, b, c].map(({ grad }) => grad)).toEqual([undefined, undefined, undefined]);
});

test("a closure computes the loss", () => {
  const a = ones();
  const optimizer = new SGD([a], { lr: 0.1 });
  const loss = optimizer.step(() => {
    optimizer.zeroGrad();
    const value = a.square().sum();
    value.backward();
    return value;
  });
  expect(loss!.itemSync()).toBe(2);
  expect((a.toArray() as number[])[0]).toBeCloseTo(0.8, 6);
});

test("a traced step follows a schedule without being recorded again", () => {
  const run = (isTraced: boolean): unknown => {
    const a = new Parameter(tensor([1, -2]));
    const optimizer = new AdamW([a], { lr: 0.1 });
    const schedule = new ExponentialLR(optimizer, 0.5);
    const step = (x: Tensor): void => {
      optimizer.zeroGrad();
      a.mul(x).square().sum().backward();
      optimizer.step();
    };
    const traced = trace(step);
    const call = isTraced ? traced : step;
    for (let i = 0; i < 6; i++) {
      call(tensor([1, 2]));
      schedule.step();
    }
    // The first call finds no gradient to clear, later ones do.
    if (isTraced) expect(traced.graphs.length).toBeLessThanOrEqual(2);
    return a.toArray();
  };
  expect(run(true)).toEqual(run(false));
});

test("a hyperparameter that changes the formula makes a traced step record again", () => {
  const a = ones();
  const optimizer = new SGD([a], { lr: 0.5 });
  const step = trace(() => {
    optimizer.zeroGrad();
    a.sum().backward();
    optimizer.step();
  });
  step();
  step();
  optimizer.paramGroups[0]!.weightDecay = 1;
  const before = (a.toArray() as number[])[0]!;
  step();
  expect((a.toArray() as number[])[0]).toBeCloseTo(before - 0.5 * (1 + before), 6);
});

test("steps leave no garbage", () => {
  const parameters = [ones(), ones()];
  const optimizer = new AdamW(parameters, { amsgrad: true });
  parameters.forEach((one) => setGrad(one));
  optimizer.step();
  const { liveBuffers } = defaultDevice();
  for (let i = 0; i < 10; i++) optimizer.step();
  expect(defaultDevice().liveBuffers).toBe(liveBuffers);
});

test("loads a state dict with PyTorch's names", () => {
  const a = ones();
  const optimizer = new Adam([a]);
  optimizer.loadStateDict({
    state: { 0: { step: tensor(7), exp_avg: tensor([1, 2]), exp_avg_sq: tensor([3, 4]) } },
    param_groups: [{ lr: 0.25, betas: [0.8, 0.9], weight_decay: 0.5, foreach: null, params: [0] }],
  });
  const { state, paramGroups } = optimizer.stateDict();
  expect(paramGroups).toEqual([
    {
      lr: 0.25,
      betas: [0.8, 0.9],
      eps: 1e-8,
      weightDecay: 0.5,
      amsgrad: false,
      maximize: false,
      params: [0],
    },
  ]);
  expect(Object.keys(state[0]!).toSorted()).toEqual(["expAvg", "expAvgSq", "step"]);
  expect(state[0]!.expAvgSq!.toArray()).toEqual([3, 4]);
  expect(state[0]!.step!.itemSync()).toBe(7);
});

test("errors say what to do", () => {
  const a = ones();
  expect(() => new SGD([])).toThrowErrorMatchingInlineSnapshot(
    `[FlambeauError: SGD: got no parameters. Pass model.parameters(), or groups [{ params, lr }].]`,
  );
  expect(() => new SGD([zeros([2]) as never])).toThrowErrorMatchingInlineSnapshot(
    `[FlambeauError: SGD: expected Parameters, got a plain tensor, whose value cannot change. Wrap it: new Parameter(tensor).]`,
  );
  expect(() => new SGD([a, a])).toThrowErrorMatchingInlineSnapshot(
    `[FlambeauError: SGD: a parameter of shape [2] is in two groups, or twice in one.]`,
  );
  expect(() => new SGD([a], { lr: -1 })).toThrowErrorMatchingInlineSnapshot(
    `[FlambeauError: SGD: expected lr of at least 0, got -1.]`,
  );
  expect(() => new SGD([a], { nesterov: true })).toThrowErrorMatchingInlineSnapshot(
    `[FlambeauError: SGD: nesterov needs momentum above 0 and dampening 0, got 0 and 0.]`,
  );
  expect(() => new Adam([a], { betas: [0.9, 1] })).toThrowErrorMatchingInlineSnapshot(
    `[FlambeauError: Adam: expected betas in [0, 1), got [0.9, 1].]`,
  );
  expect(() =>
    new SGD([a]).loadStateDict(new SGD([a, ones()]).stateDict()),
  ).toThrowErrorMatchingInlineSnapshot(
    `[FlambeauError: SGD: loadStateDict expected groups of 1 parameters, got groups of 2. Make the optimizer as the saved one was.]`,
  );
});
