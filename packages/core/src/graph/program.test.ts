// Programs: a traced function on a backend that takes them gives what its ops give one by one.
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { createReferenceBackend } from "../backends/reference.ts";
import type { BufferRef, Program, ProgramStep } from "../compiler/program.ts";
import { elementSizes } from "../compiler/stages.ts";
import { type DType, byteSize } from "../dtype.ts";
import {
  type Tensor, type Traced, Parameter, Variable, complex, concat, device, eagerly, full, hostValue, linalg, manualSeed, noGrad, nonzero, randn,
  registerBackend, scope, setDefaultDevice, softmax, sort, tensor, trace, where, zeros,
} from "../index.ts"; // prettier-ignore
import type { Backend, Operand, ProgramExecutable } from "../runtime/backend.ts";

type Handle = ReturnType<ReturnType<typeof createReferenceBackend>["allocate"]>;
type Operands = readonly Operand<Handle>[];
type Params = readonly (number | bigint)[];

/** Programs that were compiled, latest last. */
const compiled: Program[] = [];

/** The reference backend, which runs programs step by step. Fresh memory holds no zeros. */
function withPrograms(name: string, traits: Partial<Backend<Handle>> = {}): Backend<Handle> {
  const backend = createReferenceBackend();
  const allocate = (bytes: number): Handle => {
    const handle = backend.allocate(bytes);
    backend.write(handle, 0, new Uint8Array(bytes).fill(0x7a));
    return handle;
  };
  let queue: Promise<unknown> = Promise.resolve();
  const prepare = (program: Program, { kernel, inputs, outputs, params }: ProgramStep) => {
    const run = backend.compile(kernel);
    const sizes = elementSizes(kernel);
    expect(outputs.map(({ space }) => space)).not.toContain("input");
    const bind = (refs: readonly BufferRef[], elements: readonly number[]) =>
      refs.map(({ space, index, offset }, i) => {
        const unit = space === "temporary" ? 1 : byteSize(program[`${space}s`][index]!.dtype);
        expect(Number.isInteger(offset)).toBe(true);
        return { space, index, offset, scale: unit / elements[i]! };
      });
    const [from, to] = [bind(inputs, sizes.inputs), bind(outputs, sizes.outputs)];
    return (spaces: { [space in BufferRef["space"]]: Operands }, numbers: Params) => {
      const place = ({ space, index, offset, scale }: (typeof from)[number]) => {
        const given = spaces[space][index]!;
        return { handle: given.handle, offset: given.offset * scale + offset };
      };
      run(from.map(place), to.map(place), params.map((i) => numbers[i]!)); // prettier-ignore
    };
  };
  const compileProgram = (program: Program): ProgramExecutable<Handle> => {
    compiled.push(program);
    const steps = program.steps.map((step) => prepare(program, step));
    const run = (input: Operands, output: Operands, params: Params): void => {
      expect(params.length).toBe(program.params.length);
      for (const { handle } of output) {
        expect(input.map((operand) => operand.handle)).not.toContain(handle);
      }
      const temporary = program.temporaries.map(({ bytes }) => ({ handle: allocate(bytes), offset: 0 })); // prettier-ignore
      for (const step of steps) step({ input, output, temporary }, params);
    };
    const copies = (operands: Operands) => operands.map(({ handle, offset }) => ({ handle, offset })); // prettier-ignore
    return {
      run,
      runAsync(input, output, params) {
        const [from, to, numbers] = [copies(input), copies(output), [...params]];
        const result = queue.then(() => run(from, to, numbers));
        queue = result.catch(() => {});
        return result;
      },
    };
  };
  return { ...backend, name, allocate, compileProgram, ...traits };
}

beforeAll(() => {
  registerBackend("programs", () => withPrograms("programs"));
  registerBackend("programs of small kernels", () =>
    withPrograms("programs of small kernels", { rows: false }),
  );
  registerBackend("programs with routines", () =>
    withPrograms("programs with routines", { routines: new Set(["sort"]) }),
  );
  setDefaultDevice("programs");
});

/** What `body` gives traced, and called op by op. */
function both(
  body: (...inputs: Tensor[]) => Tensor | Tensor[],
  make: () => Tensor[],
  name = "programs",
) {
  const onDevice = (where: string, call: typeof body): unknown[] => {
    setDefaultDevice(where);
    manualSeed(1);
    const inputs = make();
    // The second call finds everything worked out.
    call(...inputs);
    const results = [call(...inputs)].flat().map((result) => result.toArray());
    setDefaultDevice("programs");
    return results;
  };
  const traced = trace(body);
  const result = onDevice(name, traced);
  expect(result).toEqual(onDevice("reference", body));
  return traced;
}

const numbers = (...shape: number[]): Tensor => randn(shape);

describe("programs", () => {
  it("hold consecutive ops; views cost nothing", () => {
    const traced = both(
      (x, y) => x.matmul(y).relu().transpose(0, 1).add(1).at([1]).mul(x.sum()),
      () => [numbers(2, 3), numbers(3, 4)],
    );
    expect(traced.explain()).toMatchInlineSnapshot(`
      "traced:
        program of 6 kernels on programs (3 inputs, 1 output, 5 temporaries): matmul, relu, add, at, sum, mul"
    `);
  });

  it("leave calls alone that the backend cannot take", () => {
    const body = (x: Tensor): Tensor[] => {
      const [sorted, found] = [sort(x.mul(2)), nonzero(x.relu(), { size: 3 })];
      return [sorted.values.add(1), found.add(1), linalg.cholesky(x.square().sum().add(1).reshape([1, 1]))]; // prettier-ignore
    };
    const make = () => [numbers(4)];
    expect(both(body, make).explain()).toMatchInlineSnapshot(`
      "body:
        program of 1 kernel on programs (1 input, 1 output, 0 temporaries): mul
        op sort called alone: programs has no routine sort
        program of 1 kernel on programs (1 input, 1 output, 0 temporaries): relu
        op nonzero called alone: programs has no routine nonzero
        program of 5 kernels on programs (3 inputs, 3 outputs, 2 temporaries): add ×3, square, sum
        op cholesky called alone: programs has no routine cholesky"
    `);
    expect(both(body, make, "programs with routines").explain()).toMatchInlineSnapshot(`
      "body:
        program of 3 kernels on programs with routines (1 input, 2 outputs, 2 temporaries): mul, sort, relu
        op nonzero called alone: programs with routines has no routine nonzero
        program of 5 kernels on programs with routines (3 inputs, 3 outputs, 2 temporaries): add ×3, square, sum
        op cholesky called alone: programs with routines has no routine cholesky"
    `);
    const reference = trace((x: Tensor) => x.add(1).mul(x), { name: "alone" });
    reference(tensor([1], { device: "reference" }));
    expect(reference.explain()).toMatchInlineSnapshot(`
      "alone:
        ops add, mul called alone: reference takes no programs"
    `);
  });

  it("run rows whole, or in steps with temporaries", () => {
    const body = (x: Tensor): Tensor => softmax(x.add(1), 1).mul(2);
    const make = () => [numbers(3, 5)];
    expect(both(body, make).explain()).toContain("program of 3 kernels");
    expect(both(body, make, "programs of small kernels").explain()).toContain(
      "program of 6 kernels",
    );
  });

  it.each<DType>(["float16", "bfloat16", "complex64", "float64", "int8", "uint32", "int64"])(
    "compute in %s",
    (dtype) => {
      both(
        (x, y) => {
          const [a, b] = [x.to(dtype), y.to(dtype)];
          const taken = a.add(b.slice(1, { start: 1 })).indexSelect(1, tensor([2, 0, 2], { dtype: "int32" })); // prettier-ignore
          return [
            a.matmul(b.transpose(0, 1).slice(0, { start: 1 })),
            taken,
            taken.flip([0]).sum(1),
            a,
          ];
        },
        () => [numbers(3, 3).mul(8), numbers(3, 4).mul(8)],
      );
    },
  );

  it("add up gradients of 16-bit floats", () => {
    const traced = both(
      (x) => {
        const w = eagerly(() => new Parameter(full([3, 2], 0.1, { dtype: "float16" })));
        const picked = w.indexSelect(0, tensor([2, 0, 2], { dtype: "int32" })).mul(x.to("float16"));
        picked.sum().backward();
        return w.grad!;
      },
      () => [numbers(3, 2)],
    );
    expect(traced.graph.nodes.length).toBeGreaterThan(3);
    const { temporaries } = compiled.at(-1)!;
    expect(temporaries.length).toBeGreaterThan(3);
  });

  it("look at parts of complex numbers", () => {
    const traced = both(
      (x, y) => {
        const z = complex(x, y).mul(complex(y, x));
        return [z.real(), z.imag().add(1), z.viewAsReal().sum(-1), z.mul(2).viewAsReal().mul(3).viewAsComplex()]; // prettier-ignore
      },
      () => [numbers(2, 3), numbers(2, 3)],
    );
    expect(traced.explain()).toContain("program of");
  });

  it("take inputs that start anywhere, also where pairs are made complex", () => {
    const pairs = trace((x: Tensor) => x.viewAsComplex().mul(2));
    const all = tensor([1, 2, 3, 4, 5, 6]);
    for (const start of [0, 2, 1, 2]) {
      const part = all.slice(0, { start, end: start + 2 }).reshape([1, 2]);
      expect(pairs(part).toArray()).toEqual([{ re: 2 * start + 2, im: 2 * start + 4 }]);
    }
    const before = compiled.length;
    const doubled = trace((x: Tensor) => x.mul(2).flip([0]));
    for (const start of [0, 1, 2, 3]) {
      expect(doubled(all.slice(0, { start, end: start + 2 })).toArray()).toEqual([2 * start + 4, 2 * start + 2]); // prettier-ignore
    }
    expect(compiled.length).toBe(before + 1);
  });

  it("return what they were given, and views of it", () => {
    const traced = trace((x: Tensor) => [x, x.transpose(0, 1), x.add(1), x, x.flip([1])] as const);
    const x = numbers(2, 3);
    const results = traced(x);
    expect(results[0].toArray()).toEqual(x.toArray());
    expect(results[1].toArray()).toEqual(x.transpose(0, 1).toArray());
    expect(results[4].toArray()).toEqual(x.flip([1]).toArray());
    expect(results[0]).not.toBe(results[3]);
    results[0].dispose();
    expect(results[3].toArray()).toEqual(x.toArray());
  });
});

describe("state in programs", () => {
  it("is read before it is written", () => {
    const [a, b] = [new Variable(tensor([1, 2])), new Variable(tensor([10, 20]))];
    const swap = trace((x: Tensor) => {
      const old = a.add(0);
      a.assign(b.add(x));
      b.assign(old);
      return a;
    });
    const result = swap(tensor([1, 1]));
    expect([a, b, result].map((t) => t.toArray())).toEqual([[11, 21], [1, 2], [11, 21]]); // prettier-ignore
    swap(tensor([1, 1]));
    expect([a, b, result].map((t) => t.toArray())).toEqual([[2, 3], [11, 21], [11, 21]]); // prettier-ignore
  });

  it("may take the place of other state", () => {
    const [a, b] = [new Variable(tensor([1])), new Variable(tensor([2]))];
    const exchange = trace(() => {
      const old = a.detach();
      a.assign(b);
      b.assign(old);
    });
    exchange();
    expect([a.toArray(), b.toArray()]).toEqual([[2], [1]]);
    exchange();
    expect([a.toArray(), b.toArray()]).toEqual([[1], [2]]);
  });

  it("may be written twice with one value, and be returned", () => {
    const [a, b] = [new Variable(zeros([2])), new Variable(zeros([2]))];
    const write = trace((x: Tensor) => {
      const y = x.mul(2);
      a.assign(y);
      b.assign(y);
      return [y, y];
    });
    const [first, second] = write(tensor([1, 2]));
    a.setAt([0], 7);
    expect([a, b, first!, second!].map((t) => t.toArray())).toEqual([[7, 4], [2, 4], [2, 4], [2, 4]]); // prettier-ignore
  });

  it("is trained as it is op by op", () => {
    const train = (isTraced: boolean): unknown[] => {
      setDefaultDevice(isTraced ? "programs" : "reference");
      manualSeed(3);
      const [w, v] = [new Parameter(randn([3, 4])), new Parameter(randn([4, 2]))];
      const moments = [w, v].map((p) => new Variable(zeros(p.shape)));
      let rate = 0.1;
      const body = (x: Tensor, y: Tensor): Tensor => {
        const loss = softmax(x.matmul(w).tanh().matmul(v), 1).sub(y).square().mean();
        w.grad = undefined;
        v.grad = undefined;
        loss.backward();
        noGrad(() => {
          [w, v].forEach((p, i) => {
            const moment = moments[i]!;
            moment.assign(moment.mul(0.9).add(p.heldGradient!));
            p.assign(p.sub(moment.mul(hostValue(() => rate))));
          });
        });
        return loss;
      };
      const step = isTraced ? trace(body) : body;
      const losses = Array.from({ length: 6 }, () => {
        rate *= 0.8;
        return step(randn([5, 3]), randn([5, 2])).toArray();
      });
      if (isTraced)
        expect((step as Traced<typeof body>).explain()).toMatchInlineSnapshot(`
        "body:
          program of 24 kernels on programs (6 inputs, 7 outputs, 17 temporaries): matmul ×5, tanh, softmax, sub ×3, square, sum, div, full, divGradient, squareGradient, softmaxGradient, tanhGradient, mul ×4, add ×2"
      `);
      const state = [w, v, w.grad!, v.grad!, ...moments].map((t) => t.toArray());
      setDefaultDevice("programs");
      return [...losses, ...state];
    };
    expect(train(true)).toEqual(train(false));
  });

  it("keeps no memory", () => {
    const w = new Parameter(randn([4, 4]));
    const step = trace((x: Tensor) => {
      const loss = sort(x.matmul(w).relu()).values.sum();
      w.grad = undefined;
      loss.backward();
      noGrad(() => w.assign(w.sub(w.heldGradient!.mul(0.1))));
      return loss;
    });
    const x = randn([2, 4]);
    const here = device("programs");
    const counts = Array.from({ length: 4 }, () => {
      scope(() => void step(x));
      return here.liveBuffers;
    });
    expect(new Set(counts.slice(1)).size).toBe(1);
  });

  it("stays as it was where an index is out of range, and the op is named", () => {
    const count = new Variable(zeros([]));
    const pick = trace((x: Tensor, at: Tensor) => {
      count.assign(count.add(1));
      return x.mul(2).indexSelect(0, at.add(0));
    });
    pick(tensor([1, 2]), tensor([1], { dtype: "int32" }));
    const bad = () => pick(tensor([1, 2]), tensor([5], { dtype: "int32" }));
    expect(bad).toThrow(/^\w+: index 5 at position \[0\] is out of range for size 2/);
    expect(count.itemSync()).toBe(1);
  });
});

describe("runAsync", () => {
  it("gives what a call gives, and keeps its arguments alive", async () => {
    const traced = trace((x: Tensor) => ({ sum: x.mul(2).sum(), same: x }));
    const x = tensor([1, 2, 3]);
    const running = traced.runAsync(x);
    x.dispose();
    const { sum, same } = await running;
    expect([sum.toArray(), same.toArray()]).toEqual([12, [1, 2, 3]]);
    const [a, b] = await Promise.all([traced.runAsync(tensor([1])), traced.runAsync(tensor([2]))]);
    expect([a.sum.itemSync(), b.sum.itemSync()]).toEqual([2, 4]);
  });

  it("writes state in the order of calls, when it ends", async () => {
    const total = new Variable(zeros([]));
    let rate = 1;
    const add = trace((x: Tensor) => {
      total.assign(total.mul(2).add(x.mul(hostValue(() => rate))));
      return total;
    });
    add(tensor(1));
    const given = [1, 2, 3].map((n) => tensor(n));
    const running = given.map((x) => add.runAsync(x));
    for (const x of given) x.dispose();
    expect(total.itemSync()).toBe(1);
    expect(() => add(tensor(1))).toThrow(
      "a run that runAsync began has not ended, and it writes state",
    );
    rate = 10;
    await running[0];
    expect(total.itemSync()).toBe(3);
    const later = add.runAsync(tensor(4));
    expect((await Promise.all([...running, later])).map((t) => t.itemSync())).toEqual([3, 26, 82, 204]); // prettier-ignore
    expect(total.itemSync()).toBe(204);
    expect(add(tensor(0)).itemSync()).toBe(408);
  });

  it("rejects with the op's name, and goes on", async () => {
    const total = new Variable(zeros([]));
    const pick = trace((x: Tensor, at: Tensor) => {
      total.assign(total.add(1));
      return x.mul(2).indexSelect(0, at);
    });
    const at = (i: number) => tensor([i], { dtype: "int32" });
    const runs = [0, 9, 1].map((i) => pick.runAsync(tensor([1, 2]), at(i)));
    const ended = await Promise.allSettled(runs);
    expect(ended.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    await expect(runs[1]).rejects.toThrow(/^\w+: index 9/);
    expect(total.itemSync()).toBe(2);
  });

  it("frees what it made", async () => {
    const traced = trace((x: Tensor) => sort(x.mul(2)).values.add(1));
    const x = tensor([2, 1]);
    traced(x).dispose();
    const before = device("programs").liveBuffers;
    const results = await Promise.all([traced.runAsync(x), traced.runAsync(x)]);
    for (const result of results) result.dispose();
    expect(device("programs").liveBuffers).toBe(before);
  });

  it("runs op by op where the backend takes no programs", async () => {
    const traced = trace((x: Tensor) => x.mul(2).sum());
    const x = tensor([1, 2], { device: "reference" });
    expect((await traced.runAsync(x)).itemSync()).toBe(6);
  });
});

/** Ops on matrices of 2 × 2: what is made of two of those made before. */
const steps: readonly ((x: Tensor, y: Tensor) => Tensor)[] = [
  (x, y) => x.add(y),
  (x, y) => x.sub(y.mul(0.5)),
  (x, y) => x.matmul(y).tanh(),
  (x) => x.transpose(0, 1),
  (x) => x.flip([0]),
  (x, y) => concat([x.slice(0, { start: 1 }), y.slice(0, { end: 1 })], 0),
  (x) => softmax(x, 1),
  (x, y) => where(x.gt(y), x, y.neg()),
  (x) => x.reshape([4]).cumsum(0).reshape([2, 2]),
  (x) => sort(x, 1).values,
  (x) => x.to("float16").matmul(x.to("float16")).to("float32"),
  (x) => x.sum(0, { keepDims: true }).expand([2, 2]),
  (x, y) => complex(x, y).mul(complex(y, x)).imag(),
  (x, y) => x.take(y.gt(0).to("int64").mul(3)),
  (x) => x.detach(),
];

it("random graphs mean the same as programs and op by op", () => {
  const index = fc.nat(1000);
  const choice = fc.array(fc.tuple(fc.nat(steps.length - 1), index, index), { minLength: 1, maxLength: 14 }); // prettier-ignore
  fc.assert(
    fc.property(choice, fc.array(index, { minLength: 1, maxLength: 4 }), (chosen, outputs) => {
      const body = (...inputs: Tensor[]): Tensor[] => {
        const values = [...inputs];
        for (const [step, i, j] of chosen) {
          values.push(steps[step]!(values[i % values.length]!, values[j % values.length]!));
        }
        return outputs.map((i) => values[values.length - 1 - (i % values.length)]!);
      };
      const make = () => [randn([2, 2]), randn([2, 2]).transpose(0, 1)];
      both(body, make, chosen.length % 2 === 0 ? "programs" : "programs of small kernels");
    }),
    { numRuns: 60, seed: 7 },
  );
});
