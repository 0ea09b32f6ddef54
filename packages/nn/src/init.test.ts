// Initialisers draw from PyTorch's distributions: bounds, means and spreads.
import { Generator, Parameter, type Variable, defaultDevice, zeros } from "@flambeau/core";
import { describe, expect, test } from "vitest";
import { readFixture } from "./fixtures.ts";
import * as nn from "./index.ts";
import { init } from "./index.ts";

interface Case {
  readonly id: string;
  readonly kind: string;
  readonly shape: readonly number[];
  readonly bound?: number;
  readonly std?: number;
  readonly a?: number;
  readonly value?: unknown;
}

interface Statistics {
  readonly shape: readonly number[];
  readonly absmax: number;
  readonly mean: number;
  readonly std: number;
}

const fixture = readFixture<{
  readonly init: readonly Case[];
  readonly gains: { readonly [name: string]: number };
  readonly moduleDefaults: { readonly [module: string]: { readonly [name: string]: Statistics } };
}>("init.json");

const generator = new Generator(defaultDevice(), 20);

function statistics(variable: Variable) {
  const data = [...(variable.dataSync() as Float32Array)];
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
  const magnitude = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return { mean, std: Math.sqrt(variance), magnitude, count: data.length };
}

const camelCase = (name: string): string =>
  name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

function draw({ id, shape, bound, std, a }: Case): Variable {
  const parameter = new Parameter(zeros(shape));
  const kaiming = /^kaiming_(uniform|normal)_fan_(in|out)_(\w+)$/.exec(id);
  if (kaiming !== null) {
    const options = {
      generator,
      a,
      mode: kaiming[2] === "in" ? ("fanIn" as const) : ("fanOut" as const),
      nonlinearity: camelCase(kaiming[3]!) as init.Nonlinearity,
    };
    return (kaiming[1] === "uniform" ? init.kaimingUniform : init.kaimingNormal)(
      parameter,
      options,
    );
  }
  switch (id) {
    case "uniform":
      return init.uniform(parameter, { low: -bound!, high: bound!, generator });
    case "normal":
      return init.normal(parameter, { std: std!, generator });
    case "xavier_uniform":
      return init.xavierUniform(parameter, { gain: 1.5, generator });
    case "xavier_conv":
      return init.xavierUniform(parameter, { generator });
    case "xavier_normal":
      return init.xavierNormal(parameter, { generator });
    case "kaiming_conv":
      return init.kaimingNormal(parameter, { generator, nonlinearity: "relu" });
    default:
      throw new Error(`no initialiser for ${id}`);
  }
}

/** Matrices of a hundredth of the elements: fans are ten times smaller, spreads √10 times larger. */
function reduced(spec: Case): Case {
  if (spec.shape.length > 2) return spec;
  const shape = spec.shape.map((n) => n / 10);
  if (spec.id === "uniform" || spec.id === "normal") return { ...spec, shape };
  const grown = (value: number | undefined) => value && value * Math.sqrt(10);
  return { ...spec, shape, bound: grown(spec.bound), std: grown(spec.std) };
}

const drawn = fixture.init
  .filter(({ kind }) => kind === "uniform" || kind === "normal")
  .map(reduced);

describe.each(drawn)("$id", (spec) => {
  test("has the bounds and the spread", () => {
    const { mean, std, magnitude, count } = statistics(draw(spec));
    const expected = spec.std ?? spec.bound! / Math.sqrt(3);
    expect(Math.abs(mean)).toBeLessThan((6 * expected) / Math.sqrt(count));
    expect(Math.abs(std / expected - 1)).toBeLessThan(6 / Math.sqrt(2 * count));
    if (spec.bound !== undefined) {
      expect(magnitude).toBeLessThanOrEqual(spec.bound * (1 + 1e-6));
      expect(magnitude).toBeGreaterThan(spec.bound * 0.98);
    } else expect(magnitude).toBeGreaterThan(2.5 * expected);
  });
});

test("truncNormal keeps to its limits", () => {
  const parameter = init.truncNormal(new Parameter(zeros([20000])), {
    low: -1,
    high: 2,
    generator,
  });
  const { mean, std } = statistics(parameter);
  expect(mean).toBeCloseTo(0.2296, 1);
  expect(std).toBeCloseTo(0.7207, 1);
  const data = [...(parameter.dataSync() as Float32Array)];
  expect(data.every((value) => value >= -1 && value <= 2)).toBe(true);
});

test("dirac and eye are exact", () => {
  const exact = (prefix: string): unknown =>
    fixture.init.find(({ id }) => id.startsWith(prefix))!.value;
  expect(init.dirac(new Parameter(zeros([4, 6, 3])), { groups: 2 }).toArray()).toEqual(
    exact("dirac"),
  );
  expect(init.eye(new Parameter(zeros([2, 3]))).toArray()).toEqual(exact("eye"));
});

test("gains", () => {
  expect(init.calculateGain("leakyRelu", 0.1)).toBeCloseTo(fixture.gains["leaky_relu(0.1)"]!, 12);
  for (const name of ["linear", "conv2d", "sigmoid", "tanh", "relu", "selu"] as const) {
    expect(init.calculateGain(name)).toBeCloseTo(fixture.gains[name]!, 12);
  }
});

const layers: { readonly [name: string]: () => nn.Module } = {
  "Linear(50,70)": () => new nn.Linear(50, 70, { generator }),
  "Conv2d(8,16,3,groups=2)": () => new nn.Conv2d(8, 16, 3, { groups: 2, generator }),
  "ConvTranspose2d(8,16,3)": () => new nn.ConvTranspose2d(8, 16, 3, { generator }),
  "Embedding(2000,20)": () => new nn.Embedding(2000, 20, { generator }),
};

test.each(Object.keys(layers))("%s starts as PyTorch's does", (name) => {
  const parameters = Object.fromEntries(layers[name]!().namedParameters());
  for (const [key, golden] of Object.entries(fixture.moduleDefaults[name]!)) {
    const own = statistics(parameters[key]!);
    expect(parameters[key]!.shape).toEqual(golden.shape);
    const noise = 6 / Math.sqrt(2 * own.count);
    expect(Math.abs(own.std - golden.std)).toBeLessThanOrEqual(golden.std * noise);
    expect(Math.abs(own.mean)).toBeLessThanOrEqual((6 * golden.std) / Math.sqrt(own.count));
    expect(own.magnitude).toBeLessThanOrEqual(name.startsWith("Emb") ? 7 : golden.absmax * 1.1);
  }
});

test("the same generator seed gives the same layer", () => {
  const make = () => new nn.Linear(3, 4, { generator: new Generator(defaultDevice(), 7) });
  expect(make().weight.toArray()).toEqual(make().weight.toArray());
});

test("errors say what to do", () => {
  expect(() => init.kaimingNormal(new Parameter(zeros([3])))).toThrowErrorMatchingInlineSnapshot(
    `[FlambeauError: init: fan in and fan out need a weight of two or more axes, [out, in, …], got shape [3]. Use uniform or normal for vectors.]`,
  );
  expect(() => init.eye(new Parameter(zeros([3])))).toThrowErrorMatchingInlineSnapshot(
    `[FlambeauError: init.eye: expected a matrix, got shape [3].]`,
  );
  expect(() => new nn.Conv2d(3, 4, 3, { groups: 2 })).toThrowErrorMatchingInlineSnapshot(
    `[FlambeauError: Conv2d: 2 groups do not divide inChannels 3 and outChannels 4.]`,
  );
});
