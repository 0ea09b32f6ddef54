// Every optimizer against PyTorch: losses and parameters over 20 steps on a small problem.
import { Parameter, type Tensor, tensor, trace } from "@flambeau/core";
import { describe, expect, test } from "vitest";
import { camelKeys, readFixture } from "./fixtures.ts";
import * as optim from "./index.ts";

interface Case {
  readonly id: string;
  readonly cls: keyof typeof optim;
  readonly kwargs: { readonly lr: number };
  readonly two_groups: boolean;
  readonly loss: number[];
  readonly x: number[][];
  readonly y: number[][];
}

const fixture = readFixture<{
  readonly A: number[][];
  readonly b: number[];
  readonly x0: number[];
  readonly y0: number[][];
  readonly optimizers: readonly Case[];
}>("optimizers.json.gz");

/** By name, as the fixture says. */
const classes = { ...optim };

const float64 = { dtype: "float64" } as const;
const A = tensor(fixture.A, float64);
const b = tensor(fixture.b, float64);

/** ½ xᵀAx - b·x + 0.1 Σ z⁴ + 0.3 z₀ (x₀ + x₁), z being the first two entries of y. */
function lossOf(x: Tensor, y: Tensor): Tensor {
  const z = y.reshape([-1]).at("0:2");
  const quadratic = x.matmul(A).mul(x).sum().mul(0.5).sub(x.mul(b).sum());
  const mixed = z
    .at(0)
    .mul(x.at(0).add(x.at(1)))
    .mul(0.3);
  return quadratic.add(z.square().square().sum().mul(0.1)).add(mixed);
}

function start({ cls, kwargs, two_groups: isSplit }: Case) {
  const x = new Parameter(tensor(fixture.x0, float64));
  const y = new Parameter(tensor(fixture.y0, float64));
  const options = camelKeys(kwargs);
  const params = isSplit ? [{ params: [x] }, { params: [y], lr: kwargs.lr * 0.1 }] : [x, y];
  const make = classes[cls] as unknown as new (
    params: unknown,
    options: unknown,
  ) => optim.Optimizer;
  return { x, y, optimizer: new make(params, options) };
}

const flat = (value: unknown): number[] =>
  Array.isArray(value) ? value.flatMap(flat) : [Number(value)];

function expectNear(actual: unknown, expected: unknown, absolute: number): void {
  const [a, e] = [flat(actual), flat(expected)];
  expect(a).toHaveLength(e.length);
  a.forEach((value, i) => {
    expect(Math.abs(value - e[i]!)).toBeLessThanOrEqual(absolute + 1e-9 * Math.abs(e[i]!));
  });
}

const supported = fixture.optimizers.filter(({ cls }) => cls in classes);

describe.each(supported)("$id", (spec) => {
  // PyTorch rounds the product of NAdam's momenta to float32.
  const absolute = spec.cls === "NAdam" ? 1e-8 : 1e-10;

  test.each(["eager", "traced"])("%s", (mode) => {
    const { x, y, optimizer } = start(spec);
    const step = (): Tensor => {
      optimizer.zeroGrad();
      const loss = lossOf(x, y);
      loss.backward();
      optimizer.step();
      return loss;
    };
    const run = mode === "traced" ? trace(step) : step;
    const losses: number[] = [];
    const path: unknown[][] = [[], []];
    for (let i = 0; i < spec.loss.length; i++) {
      losses.push(run().itemSync());
      path[0]!.push(x.toArray());
      path[1]!.push(y.toArray());
    }
    expectNear(losses, spec.loss, absolute);
    expectNear(path[0], spec.x, absolute);
    expectNear(path[1], spec.y, absolute);
  });

  test("goes on from a saved state", () => {
    const { x, y, optimizer } = start(spec);
    const later = start(spec);
    const steps = (from: { x: Parameter; y: Parameter; optimizer: optim.Optimizer }): void => {
      for (let i = 0; i < 5; i++) {
        from.optimizer.zeroGrad();
        lossOf(from.x, from.y).backward();
        from.optimizer.step();
      }
    };
    steps({ x, y, optimizer });
    later.x.assign(x);
    later.y.assign(y);
    later.optimizer.loadStateDict(optimizer.stateDict());
    steps(later);
    expectNear(later.x.toArray(), spec.x[9], absolute);
    expectNear(later.y.toArray(), spec.y[9], absolute);
  });
});
