// Laws of shapes and layouts.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Shape,
  broadcastShapes,
  broadcastStrides,
  contiguousStrides,
  layoutOf,
  normalizeAxes,
  normalizeAxis,
  sizeOf,
} from "./shape.ts";

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });

/** A shape and another that broadcasts to it. */
const broadcastable = fc
  .tuple(shapes, fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), fc.nat(4))
  .map(([shape, ones, dropped]): [Shape, Shape] => [
    shape,
    shape.map((n, axis) => (ones[axis] ? 1 : n)).slice(Math.min(dropped, shape.length)),
  ]);

/** Every index of a shape, row-major. */
function indicesOf(shape: Shape): number[][] {
  return shape.reduce<number[][]>(
    (all, n) => all.flatMap((index) => Array.from({ length: n }, (_, i) => [...index, i])),
    [[]],
  );
}

const addressOf = (index: readonly number[], strides: readonly number[]): number =>
  index.reduce((sum, i, axis) => sum + i * strides[axis]!, 0);

describe("contiguousStrides", () => {
  it("visits every address once, in order", () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const strides = contiguousStrides(shape);
        const addresses = indicesOf(shape).map((index) => addressOf(index, strides));
        expect(addresses).toEqual(Array.from({ length: sizeOf(shape) }, (_, i) => i));
      }),
    );
  });
});

describe("layoutOf", () => {
  it("interns: equal layouts are the same object", () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        expect(layoutOf(shape)).toBe(layoutOf([...shape], contiguousStrides(shape)));
        expect(layoutOf(shape).isContiguous).toBe(true);
      }),
    );
  });

  it("calls contiguous exactly what is row-major without gaps", () => {
    fc.assert(
      fc.property(
        shapes.chain((shape) =>
          fc.tuple(
            fc.constant(shape),
            fc.array(fc.integer({ min: -3, max: 12 }), {
              minLength: shape.length,
              maxLength: shape.length,
            }),
          ),
        ),
        ([shape, strides]) => {
          const addresses = indicesOf(shape).map((index) => addressOf(index, strides));
          const isDense = addresses.every((address, i) => address === i);
          expect(layoutOf(shape, strides).isContiguous).toBe(isDense);
        },
      ),
    );
  });
});

describe("broadcastShapes", () => {
  it("is commutative and idempotent, and 1 is neutral", () => {
    fc.assert(
      fc.property(broadcastable, ([shape, other]) => {
        expect(broadcastShapes("test", shape, other)).toEqual(shape);
        expect(broadcastShapes("test", other, shape)).toEqual(shape);
        expect(broadcastShapes("test", shape, shape)).toEqual(shape);
        expect(broadcastShapes("test", shape, [])).toEqual(shape);
      }),
    );
  });

  it("is associative, errors included", () => {
    const merge = (...some: Shape[]): Shape | "error" => {
      try {
        return broadcastShapes("test", ...some);
      } catch {
        return "error";
      }
    };
    fc.assert(
      fc.property(shapes, shapes, shapes, (a, b, c) => {
        const left = merge(a, b);
        const right = merge(b, c);
        expect(left === "error" ? left : merge(left, c)).toEqual(
          right === "error" ? right : merge(a, right),
        );
      }),
    );
  });
});

describe("broadcastStrides", () => {
  it("reads the element that NumPy's rule names", () => {
    fc.assert(
      fc.property(broadcastable, ([shape, other]) => {
        const strides = broadcastStrides(other, contiguousStrides(other), shape);
        const shift = shape.length - other.length;
        for (const index of indicesOf(shape)) {
          const own = other.map((n, axis) => (n === 1 ? 0 : index[axis + shift]!));
          expect(addressOf(index, strides)).toBe(addressOf(own, contiguousStrides(other)));
        }
      }),
    );
  });
});

describe("normalizeAxis", () => {
  it("gives the same axis from either end, and refuses the rest", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: -9, max: 9 }), (ndim, axis) => {
        if (axis < -ndim || axis >= ndim) {
          expect(() => normalizeAxis("test", axis, ndim)).toThrow("out of range");
        } else expect(normalizeAxis("test", axis, ndim)).toBe((axis + ndim) % ndim);
      }),
    );
  });

  it("counts a 0-d tensor as having one axis", () => {
    expect([normalizeAxis("test", 0, 0), normalizeAxis("test", -1, 0)]).toEqual([0, 0]);
    expect(() => normalizeAxis("test", 1, 0)).toThrow("out of range");
    expect(normalizeAxes("test", [-1], 0)).toEqual([]);
  });
});
