// Ops whose results are as many as the values say: refused while tracing without a size, filled up or
// cut off with one; masks as indices.
import { describe, expect, it } from "vitest";
import { autograd, maskedSelect, nonzero, set, tensor, trace, unique, Variable } from "../index.ts";
import type { Tensor } from "../tensor.ts";

const mask = (values: boolean[] | boolean[][]) => tensor(values, { dtype: "bool" });

describe("sizes", () => {
  it("are needed while tracing", () => {
    expect(() =>
      trace((x: Tensor) => nonzero(x))(tensor([1, 0])),
    ).toThrowErrorMatchingInlineSnapshot(
      `[TraceError: nonzero: how many results there are depends on the values, which a traced or batched function does not know. Pass { size }: fewer are filled up, more are cut off.]`,
    );
    expect(() => trace((x: Tensor) => unique(x))(tensor([1, 0]))).toThrow("unique: how many");
    const traced = trace((x: Tensor) => unique(x, { size: 3 }));
    const { values, counts } = traced(tensor([5, 4, 5]));
    expect(values.toArray()).toEqual([4, 5, 0]);
    expect(counts.toArray()).toEqual([1, 2, 0]);
    expect(unique(tensor([5, 4, 5]), { size: 1 }).values.toArray()).toEqual([4]);
  });

  it("fill up and cut off", () => {
    const x = tensor([0, 3, 0, 4, 5]);
    expect(nonzero(x, { size: 4 }).toArray()).toEqual([[1], [3], [4], [-1]]);
    expect(nonzero(x, { size: 2 }).toArray()).toEqual([[1], [3]]);
    const picked = trace((y: Tensor, m: Tensor) => maskedSelect(y, m, { size: 3, fillValue: -1 }));
    expect(picked(tensor([1, 2, 3]), mask([true, false, true])).toArray()).toEqual([1, 3, -1]);
  });

  it("that fill up pass no gradient", () => {
    const x = tensor([1, 2, 3], { requiresGrad: true });
    const picked = maskedSelect(x, mask([true, false, true]), { size: 4, fillValue: 9 });
    expect(autograd.grad(picked.sum(), x).toArray()).toEqual([1, 0, 1]);
  });
});

describe("masks as indices", () => {
  const x = tensor([[1, 2, 3], [4, 5, 6]]); // prettier-ignore

  it("pick", () => {
    const where = mask([[true, false, true], [false, true, false]]); // prettier-ignore
    expect(x.at(where).toArray()).toEqual([1, 3, 5]);
    expect(x.at(mask([false, true])).toArray()).toEqual([[4, 5, 6]]);
    expect(x.at("...", mask([true, false, true])).toArray()).toEqual([[1, 3], [4, 6]]); // prettier-ignore
    expect(x.at(0, mask([true, false, true])).toArray()).toEqual([1, 3]);
  });

  it("are written through", () => {
    const where = mask([[true, false, true], [false, true, false]]); // prettier-ignore
    expect(set(x, [where], 0).toArray()).toEqual([[0, 2, 0], [4, 0, 6]]); // prettier-ignore
    const state = new Variable(x.clone());
    state.setAt([mask([false, true])], 7);
    expect(state.toArray()).toEqual([[1, 2, 3], [7, 7, 7]]); // prettier-ignore
  });

  it("are refused while tracing", () => {
    const traced = trace((y: Tensor, m: Tensor) => y.at(m));
    expect(() => traced(x, mask([true, false]))).toThrow("Use where or maskedFill, or maskedSelect with { size }"); // prettier-ignore
  });
});
