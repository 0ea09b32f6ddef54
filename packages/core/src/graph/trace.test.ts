import { describe, expect, it } from "vitest";
import {
  Parameter,
  type Tensor,
  Variable,
  hostValue,
  manualSeed,
  noGrad,
  rand,
  randn,
  tensor,
  trace,
  zeros,
} from "../index.ts";

describe("trace", () => {
  it("prints forward, backward and update as one graph", () => {
    const w = new Parameter(tensor([[1, 2], [3, 4]])); // prettier-ignore
    const step = trace(
      (x: Tensor) => {
        const loss = x.matmul(w).relu().sum();
        w.grad = undefined;
        loss.backward();
        noGrad(() => w.assign(w.sub(w.heldGradient!.mul(0.5))));
        return loss;
      },
      { name: "step" },
    );
    expect(step(tensor([[1, -1]])).itemSync()).toBe(0);
    expect(String(step)).toMatchInlineSnapshot(`
      "graph step(%0: float32[1, 2]) {
        %1 = read variable0: float32[2, 2]
        %2 = matmul(%0, %1): float32[1, 2]
        %3 = relu(%2): float32[1, 2]
        %4 = sum(%3) {axes=[0,1] keepDims=false}: float32[]
        %5 = full(1) {shape=[] dtype=float32 device=reference}: float32[]
        %6 = reshape(%5) {shape=[1,1]}: float32[1, 1]
        %7 = expand(%6) {shape=[1,2]}: float32[1, 2]
        %8 = reluGradient(%3, %7): float32[1, 2]
        %9 = permute(%0) {axes=[1,0]}: float32[2, 1]
        %10 = matmul(%9, %8): float32[2, 2]
        %11 = mul(%10, 0.5): float32[2, 2]
        %12 = sub(%1, %11): float32[2, 2]
        write variable0 = %12
        write variable0.grad = %10
        return %4
      }"
    `);
  });

  it("replays exactly what eager training does", () => {
    const train = (isTraced: boolean): Tensor[] => {
      manualSeed(3);
      const w = new Parameter(randn([3, 2]));
      const momentum = new Variable(zeros([3, 2]));
      const body = (x: Tensor, y: Tensor): Tensor => {
        const loss = x.matmul(w).tanh().sub(y).square().mean();
        w.grad = undefined;
        loss.backward();
        noGrad(() => {
          momentum.assign(momentum.mul(0.9).add(w.heldGradient!));
          w.assign(w.sub(momentum.mul(0.1)));
        });
        return loss;
      };
      const step = isTraced ? trace(body) : body;
      const losses = Array.from({ length: 5 }, () => step(randn([4, 3]), randn([4, 2])));
      return [...losses, w, momentum, w.grad!];
    };
    const [eager, traced] = [train(false), train(true)];
    eager.forEach((value, i) => expect(traced[i]!.toArray()).toEqual(value.toArray()));
  });

  it("draws new random numbers on each replay", () => {
    const draw = trace(() => rand([4]));
    expect(draw().toArray()).not.toEqual(draw().toArray());
  });

  it("reads host values anew, and records again for other shapes", () => {
    let rate = 2;
    const scaled = trace((x: Tensor) => x.mul(hostValue(() => rate)));
    expect(scaled(tensor([1, 2])).toArray()).toEqual([2, 4]);
    rate = 3;
    expect(scaled(tensor([1, 2])).toArray()).toEqual([3, 6]);
    expect(scaled.graphs.length).toBe(1);
    expect(scaled(tensor([1])).toArray()).toEqual([3]);
    expect(scaled.graphs.length).toBe(2);
  });

  it("keeps captured tensors, and takes trees of arguments", () => {
    const offset = tensor([1, 1]);
    const add = trace(({ a, list }: { a: Tensor; list: Tensor[] }) => ({ sum: a.add(list[0]!).add(offset) })); // prettier-ignore
    const result = add({ a: tensor([1, 2]), list: [tensor([3, 4])] });
    expect(result.sum.toArray()).toEqual([5, 7]);
  });

  it("writes parts of variables", () => {
    const cache = new Variable(zeros([3, 2]));
    const write = trace((row: Tensor) => {
      cache.setAt([1], row);
      cache.addAt([[0, 0], 0], 1);
    });
    write(tensor([5, 6]));
    write(tensor([7, 8]));
    expect(cache.toArray()).toEqual([
      [4, 0],
      [7, 8],
      [0, 0],
    ]);
  });

  it("refuses values that are not there, promises and escapes", () => {
    expect(() => trace((x: Tensor) => (x.sum().itemSync() > 0 ? x : x.neg()))(tensor([1]))).toThrow(
      "stands for one inside trace",
    );
    expect(() => trace(async (x: Tensor) => x)(tensor([1]))).toThrow("returned a promise");
    let escaped: Tensor | undefined;
    trace((x: Tensor) => {
      escaped = x.add(1);
      return x;
    })(tensor([1]));
    expect(() => escaped!.add(1)).toThrow("has no value");
    expect(() => trace((x: Tensor) => x.add(escaped!))(tensor([1]))).toThrow(
      /escaped.*trace\.test\.ts/,
    );
  });
});
