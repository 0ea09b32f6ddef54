// Laws of resizing and sampling, and what is refused. Values are tested against PyTorch's numbers.
import { describe, expect, test } from "vitest";
import {
  type Tensor, affineGrid, arange, gridSample, interpolate, manualSeed, maxUnpool2d, ones, randn, tensor,
} from "../index.ts"; // prettier-ignore

manualSeed(9);
const x = randn([2, 3, 5, 4], { dtype: "float64" });

function expectClose(a: Tensor, b: Tensor, tolerance = 1e-12): void {
  expect(a.shape).toEqual(b.shape);
  expect(a.sub(b).abs().amax().itemSync()).toBeLessThan(tolerance);
}

describe("interpolate", () => {
  test("of the same size changes nothing", () => {
    for (const mode of ["nearest", "nearest-exact", "bilinear", "bicubic", "area"] as const) {
      expectClose(interpolate(x, { size: [5, 4], mode }), x);
    }
  });

  test("keeps constants, also where it shrinks", () => {
    const flat = ones([1, 1, 9, 7], { dtype: "float64" });
    for (const antialias of [false, true]) {
      for (const mode of ["bilinear", "bicubic"] as const) {
        const small = interpolate(flat, { size: [2, 5], mode, antialias });
        expectClose(small, ones([1, 1, 2, 5], { dtype: "float64" }));
      }
    }
  });

  test("is sampling with a grid", () => {
    const identity = tensor([[[1, 0, 0], [0, 1, 0]]], { dtype: "float64" }).expand([2, 2, 3]); // prettier-ignore
    for (const alignCorners of [false, true]) {
      const grid = affineGrid(identity, [2, 3, 7, 6], { alignCorners });
      const sampled = gridSample(x, grid, { alignCorners, paddingMode: "border" });
      expectClose(sampled, interpolate(x, { size: [7, 6], mode: "bilinear", alignCorners }));
    }
  });

  test("takes integers where nothing is mixed", () => {
    const image = arange(4).reshape([1, 1, 4]);
    expect(interpolate(image, { scaleFactor: 2 }).toArray()).toEqual([[[0, 0, 1, 1, 2, 2, 3, 3]]]);
  });

  test("says what does not fit", () => {
    const call = (...given: Parameters<typeof interpolate>) => expect(() => interpolate(...given));
    call(x, {}).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: interpolate: pass either size or scaleFactor.]`,
    );
    call(x, { size: 3, mode: "trilinear" }).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: interpolate: mode "trilinear" expects an input [batch, channels, depth, height, width], got shape [2, 3, 5, 4].]`,
    );
    call(x, { size: [3, 3, 3] }).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: interpolate: size is one positive number or 2 of them (height, width), got [3, 3, 3].]`,
    );
    call(x, { scaleFactor: 0.1 }).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: interpolate: scaleFactor [0.1, 0.1] leaves nothing of shape [2, 3, 5, 4].]`,
    );
    call(x, { size: 3, alignCorners: true }).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: interpolate: alignCorners is for linear and cubic modes, not "nearest".]`,
    );
    call(arange(4).reshape([1, 1, 4]), {
      size: 3,
      mode: "linear",
    }).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: interpolate: mode "linear" expects floats, got int64. Cast with to("float32").]`,
    );
  });
});

describe("gridSample", () => {
  test("says what does not fit", () => {
    const grid = ones([2, 3, 3, 2], { dtype: "float64" });
    expect(() => gridSample(x, ones([2, 3, 3]))).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: gridSample: expected an input [batch, channels, height, width] and a grid [batch, rows, columns, 2] (or with depth, and 3), got [2, 3, 5, 4] and [2, 3, 3].]`,
    );
    expect(() => gridSample(x, ones([2, 3, 3, 2]))).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: gridSample: expected input and grid of the same float dtype, got float64 and float32.]`,
    );
    expect(() =>
      gridSample(x, grid, { mode: "cubic" as never }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: gridSample: mode is "bilinear", "nearest" or "bicubic", and paddingMode "zeros", "border" or "reflection", got "cubic" and "zeros".]`,
    );
    expect(() => affineGrid(ones([2, 3]), [2, 3, 4, 4])).toThrowErrorMatchingInlineSnapshot(
      `[ShapeError: affineGrid: expected theta [batch, 2, 3] and a size [batch, channels, height, width] (or [batch, 3, 4] and five lengths), got [2, 3] and [2, 3, 4, 4].]`,
    );
  });
});

test("maxUnpool says what does not fit", () => {
  const positions = ones([2, 3, 5, 4], { dtype: "int32" });
  expect(() => maxUnpool2d(x, x, 2)).toThrowErrorMatchingInlineSnapshot(
    `[ShapeError: maxUnpool2d: expected integer positions, from maxPool2dWithIndices, got float64.]`,
  );
  expect(() =>
    maxUnpool2d(x, positions, 2, { outputSize: [20, 8] }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[ShapeError: maxUnpool2d: outputSize [20, 8] is too far from [10, 8]: expected less than a stride [2, 2] away.]`,
  );
});
