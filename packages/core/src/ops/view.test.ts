// Chains of views agree with plain arrays, in values and in gradients.
import fc from "fast-check";
import { expect, it } from "vitest";
import { grad } from "../autograd/backward.ts";
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { tensor } from "./creation.ts";
import { expand, flip, permute, reshape, slice } from "./view.ts";

/** Elements are positions in the tensor that the chain began with. */
interface Model {
  readonly shape: Shape;
  readonly at: (index: readonly number[]) => number;
}

const positionsOf = ({ shape, at }: Model): number[] =>
  shape
    .reduce<number[][]>(
      (all, n) => all.flatMap((index) => Array.from({ length: n }, (_, i) => [...index, i])),
      [[]],
    )
    .map(at);

const rowMajor = (index: readonly number[], shape: Shape): number =>
  index.reduce((sum, i, axis) => sum * shape[axis]! + i, 0);

const modelOf = (shape: Shape, positions: readonly number[]): Model => ({
  shape,
  at: (index) => positions[rowMajor(index, shape)]!,
});

interface Step {
  readonly name: string;
  readonly view: (x: Tensor) => Tensor;
  readonly model: (m: Model) => Model;
}

/** A step for a tensor of `shape`, chosen by a few random numbers. */
type MakeStep = (shape: Shape, random: readonly number[]) => Step | undefined;

const choose = (random: number, count: number): number => random % Math.max(count, 1);

const reshaping: MakeStep = (shape, [a, b]) => {
  const size = sizeOf(shape);
  const divisors = Array.from({ length: size }, (_, i) => i + 1).filter((n) => size % n === 0);
  if (divisors.length === 0) return undefined;
  const first = divisors[choose(a!, divisors.length)]!;
  const rest = size / first;
  const target = b! % 3 === 0 ? [first, rest] : b! % 3 === 1 ? [1, first, rest] : [size];
  return {
    name: `reshape ${target}`,
    view: (x) => reshape(x, target),
    model: (m) => modelOf(target, positionsOf(m)),
  };
};

const permuting: MakeStep = (shape, random) => {
  const order = shape
    .map((_, axis) => axis)
    .sort((i, j) => (random[i % 4]! % 7) - (random[j % 4]! % 7) || j - i);
  return {
    name: `permute ${order}`,
    view: (x) => permute(x, order),
    model: (m) => ({
      shape: order.map((axis) => shape[axis]!),
      at: (index) => {
        const source = shape.map(() => 0);
        order.forEach((axis, i) => (source[axis] = index[i]!));
        return m.at(source);
      },
    }),
  };
};

const slicing: MakeStep = (shape, [a, b, c, d]) => {
  if (shape.length === 0) return undefined;
  const axis = choose(a!, shape.length);
  const n = shape[axis]!;
  const step = [1, 2, 3, -1, -2][choose(b!, 5)]!;
  const [start, end] = [choose(c!, 2 * n + 3) - n - 1, choose(d!, 2 * n + 3) - n - 1];
  const all = Array.from({ length: n }, (_, i) => i);
  return {
    name: `slice ${axis}, ${start}:${end}:${step}`,
    view: (x) => slice(x, axis, { start, end, step }),
    model: (m) => {
      const picked = sliced(all, start, end, step);
      return {
        shape: shape.with(axis, picked.length),
        at: (index) => m.at(index.with(axis, picked[index[axis]!]!)),
      };
    },
  };
};

/** Python's slice of a list, by its definition. */
function sliced(list: readonly number[], start: number, end: number, step: number): number[] {
  const n = list.length;
  const place = (i: number): number => (i < 0 ? i + n : i);
  const result: number[] = [];
  if (step > 0) {
    for (let i = Math.max(place(start), 0); i < Math.min(place(end), n); i += step) result.push(i);
  } else {
    for (let i = Math.min(place(start), n - 1); i > Math.max(place(end), -1); i += step)
      result.push(i);
  }
  return result;
}

const flipping: MakeStep = (shape, [a]) => {
  const axes = shape.map((_, axis) => axis).filter((axis) => (a! >> axis) % 2 === 1);
  return {
    name: `flip ${axes}`,
    view: (x) => flip(x, axes),
    model: (m) => ({
      shape,
      at: (index) => m.at(index.map((i, axis) => (axes.includes(axis) ? shape[axis]! - 1 - i : i))),
    }),
  };
};

const expanding: MakeStep = (shape, [a, b]) => {
  if (sizeOf(shape) > 40) return undefined;
  const target = [...(b! % 2 === 0 ? [2] : []), ...shape.map((n) => (n === 1 ? 1 + (a! % 3) : n))];
  const shift = target.length - shape.length;
  return {
    name: `expand ${target}`,
    view: (x) => expand(x, target),
    model: (m) => ({
      shape: target,
      at: (index) => m.at(shape.map((n, axis) => (n === 1 ? 0 : index[axis + shift]!))),
    }),
  };
};

const makers = [reshaping, permuting, slicing, flipping, expanding];
const chains = fc.array(
  fc.tuple(fc.nat(4), fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(99))),
  {
    minLength: 1,
    maxLength: 6,
  },
);
const startShapes = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 });

it("chains of views agree with plain arrays", () => {
  fc.assert(
    fc.property(startShapes, chains, (shape, chain) => {
      const size = sizeOf(shape);
      const base = tensor(
        Float64Array.from({ length: size }, (_, i) => i),
        { shape, requiresGrad: true },
      );
      let view = base as Tensor;
      let model = modelOf(
        shape,
        Array.from({ length: size }, (_, i) => i),
      );
      const names: string[] = [];
      for (const [kind, random] of chain) {
        const step = makers[kind]!(model.shape, random);
        if (step === undefined) continue;
        names.push(step.name);
        view = step.view(view);
        model = step.model(model);
      }
      const told = names.join("; ");
      const positions = positionsOf(model);
      expect(view.shape, told).toEqual(model.shape);
      expect([...view.dataSync()], told).toEqual(positions);
      if (view === base) return;
      // The gradient of each element is the sum of what reaches the positions that show it.
      const weights = Float64Array.from(positions, (_, i) => 1 + (i % 5));
      const expected = new Float64Array(size);
      positions.forEach((position, i) => (expected[position]! += weights[i]!));
      const gradOutputs = tensor(weights, { shape: view.shape });
      expect([...grad(view, base, { gradOutputs }).dataSync()], told).toEqual([...expected]);
    }),
    { numRuns: 400 },
  );
});
