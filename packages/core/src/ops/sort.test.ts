// What samples cannot show of ordering: ties, signed zeros, NaN, every dtype, the partial sort, rows
// whose layout is known only when a traced program runs.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { permute, sort, tensor, topk, trace, unique } from "../index.ts";
import type { DType } from "../dtype.ts";

const keyOf = (x: number): number => (Number.isNaN(x) ? Infinity : x);

/** Stable, NaN last: what sort means. */
function expectedOrder(values: readonly number[], isDescending: boolean): number[] {
  const rank = (x: number) => (Number.isNaN(x) ? 1 : 0);
  const compare = (a: number, b: number) => {
    const [x, y] = [values[a]!, values[b]!];
    const byRank = rank(x) - rank(y);
    const order = byRank === 0 && rank(x) === 0 ? Math.sign(x - y || 0) : byRank;
    return (isDescending ? -order : order) || a - b;
  };
  return values.map((_, i) => i).sort(compare);
}

const value = fc.constantFrom(0, -0, 1, -1, 2, -3, 0.5, NaN, 7, 100, -100);

describe("order", () => {
  it("is stable with NaN last, also of the first k alone", () => {
    const list = fc.array(value, { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(list, fc.boolean(), fc.nat(60), (values, descending, k) => {
        const x = tensor(values, { dtype: "float32" });
        const order = expectedOrder(values, descending);
        expect(sort(x, 0, { descending }).indices.toArray()).toEqual(order);
        const count = Math.min(k, values.length);
        const { indices } = topk(x, count, 0, { largest: descending });
        expect(indices.toArray()).toEqual(order.slice(0, count));
      }),
      { numRuns: 100 },
    );
  });

  for (const dtype of ["float64", "int32", "int64", "uint8"] satisfies DType[]) {
    it(`is the same for ${dtype}`, () => {
      const values = [3, 1, 2, 1, 255, 0, 7, 3, 3, 1, 9, 4, 0, 8, 8, 2, 5, 6, 1, 1];
      const x = tensor(values, { dtype });
      for (const descending of [false, true]) {
        const order = expectedOrder(values, descending);
        expect(sort(x, 0, { descending }).indices.toArray()).toEqual(order);
        const first = topk(x, 2, 0, { largest: descending }).indices;
        expect(first.toArray()).toEqual(order.slice(0, 2));
      }
    });
  }

  it("reads int64 beyond 2^53 exactly", () => {
    const values = [2n ** 62n + 1n, 2n ** 62n, -(2n ** 63n), 2n ** 63n - 1n];
    expect(sort(tensor(values)).indices.toArray()).toEqual([2, 1, 0, 3]);
  });

  it("copies rows whose layout a traced program learns only when it runs", () => {
    const sorted = trace((x: ReturnType<typeof tensor>) => sort(permute(x, [1, 0])).values);
    const x = tensor([[3, 1], [2, 5], [1, 4]]); // prettier-ignore
    expect(sorted(x).toArray()).toEqual([[1, 2, 3], [1, 4, 5]]); // prettier-ignore
    expect(sorted(permute(tensor([[1, 2, 3], [6, 5, 4]]), [1, 0])).toArray()).toEqual([[1, 2, 3], [4, 5, 6]]); // prettier-ignore
  });
});

it("unique keeps every NaN and counts the rest", () => {
  const { values, inverse, counts } = unique(tensor([NaN, 2, 1, 2, NaN, -0, 0]));
  expect((values.toArray() as number[]).map(keyOf)).toEqual([-0, 1, 2, Infinity, Infinity]);
  expect(inverse.toArray()).toEqual([3, 2, 1, 2, 4, 0, 0]);
  expect(counts.toArray()).toEqual([2, 1, 2, 1, 1]);
});
