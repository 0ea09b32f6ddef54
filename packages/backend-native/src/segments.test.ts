// Programs of many kernels, of which some only JavaScript has.
import { type BufferRef, type Kernel, type MapKernel, type Program, type Scalar, leaf, s } from "@flambeau/core/extension"; // prettier-ignore
import { describe, expect, it } from "vitest";
import { createNativeBackend } from "./backend.ts";
import { elements, engine, filled, isBuilt } from "./engine-of-tests.ts";

const size = 100;

/** `out = value(in)` over neighbours. */
const map = (value: (x: Scalar) => Scalar, params: Program["params"] = []): MapKernel => ({
  kind: "map",
  axes: [size],
  loads: [{ operand: 0, dtype: "float32", offset: 0, strides: [1] }],
  params,
  stores: [{ operand: 0, dtype: "float32", offset: 0, strides: [1], value: value(leaf("load", 0, "float32")) }],
}); // prettier-ignore

const double: Kernel = {
  kind: "routine",
  name: "double of the tests",
  inputs: [{ dtype: "float32", shape: [size] }],
  outputs: [{ dtype: "float32", shape: [size] }],
  run: ([x], [out]) => (out as Float32Array).set((x as Float32Array).map((value) => 2 * value)),
};

const ref = (space: BufferRef["space"], index: number, offset = 0): BufferRef => ({ space, index, offset }); // prettier-ignore
const step = (kernel: Kernel, from: BufferRef, to: BufferRef, params: number[] = []) => ({ kernel, inputs: [from], outputs: [to], params }); // prettier-ignore
const vector = { shape: [size + 4], dtype: "float32" } as const;
const bytes = 4 * size;

/** `((x + 1) · p · 2 + 1) · p`, doubled in JavaScript; reads and writes four elements in. */
const program: Program = {
  inputs: [vector],
  outputs: [vector],
  params: ["float32"],
  temporaries: [{ bytes }, { bytes }, { bytes }, { bytes: bytes + 16 }],
  steps: [
    step(map((x) => s.add(x, 1)), ref("input", 0, 1), ref("temporary", 0)),
    step(map((x) => s.mul(x, leaf("param", 0, "float32")), ["float32"]), ref("temporary", 0), ref("temporary", 1), [0]),
    step(double, ref("temporary", 1), ref("temporary", 2)),
    step(map((x) => s.add(x, 1)), ref("temporary", 2), ref("temporary", 3, 4)),
    step(map((x) => s.mul(x, leaf("param", 0, "float32")), ["float32"]), ref("temporary", 3, 4), ref("output", 0, 4), [0]),
  ],
}; // prettier-ignore

const given = Float32Array.from({ length: size + 8 }, (_, i) => i);
const expected = (at: number, p: number) => ((at + 1) * p * 2 + 1) * p;

describe.skipIf(!isBuilt)("programs of many kernels", () => {
  it("pass values on through arenas, buffers and JavaScript", () => {
    const backend = createNativeBackend(engine());
    const executable = backend.compileProgram!(program);
    const [x, out] = [filled(backend, given), filled(backend, new Float32Array(size + 8))];
    const before = backend.liveBytes!();
    for (const p of [2, -0.5]) {
      executable.run([{ handle: x.handle, offset: 2 }], [{ handle: out.handle, offset: 1 }], [p]);
      const found = elements(backend, out.handle, "float32", size + 8);
      expect(found.slice(0, 5)).toEqual(new Float32Array(5));
      expect(found[5]).toBe(expected(3, p));
      expect(found[size + 4]).toBe(expected(size + 2, p));
      expect(found[size + 5]).toBe(0);
    }
    expect(backend.liveBytes!()).toBe(before);
  });

  it("run beside JavaScript, in order", async () => {
    const backend = createNativeBackend(engine());
    const executable = backend.compileProgram!(program);
    const x = filled(backend, given);
    const outs = [1, 2, 3].map(() => filled(backend, new Float32Array(size + 8)));
    const targets = [outs[0]!];
    const runs = outs.map((out, i) => {
      targets[0] = out;
      return executable.runAsync([x], targets, [i + 1]);
    });
    await Promise.all(runs);
    outs.forEach(({ handle }, i) => {
      expect(elements(backend, handle, "float32", size + 8)[4]).toBe(expected(1, i + 1));
    });
  });

  it("fill outputs, and write twice to one", () => {
    const backend = createNativeBackend(engine());
    const { stores, ...rest } = map((x) => x);
    const sparse: MapKernel = { ...rest, axes: [2], initial: 9, stores: [{ ...stores[0]!, strides: [3] }] }; // prettier-ignore
    const { run } = backend.compileProgram!({
      inputs: [vector],
      outputs: [vector, vector],
      params: [],
      temporaries: [],
      steps: [
        step(sparse, ref("input", 0), ref("output", 1)),
        step(
          map((x) => s.neg(x)),
          ref("output", 1),
          ref("output", 0),
        ),
      ],
    });
    const [x, negated, out] = [given, given, given].map((array) => filled(backend, array));
    run([x!], [negated!, out!], []);
    const found = [...elements(backend, out!.handle, "float32", size + 8)];
    expect(found.slice(0, 5)).toEqual([0, 9, 9, 1, 9]);
    expect(found.at(-1)).toBe(9);
    expect(elements(backend, negated!.handle, "float32", 5)[3]).toBe(-1);
  });

  it("name bad indices where they still can", () => {
    const backend = createNativeBackend(engine());
    const gather: MapKernel = {
      kind: "map",
      axes: [3],
      loads: [
        { operand: 0, dtype: "int32", offset: 0, strides: [1] },
        { operand: 1, dtype: "float32", offset: 0, strides: [0], indirections: [{ load: 0, size: 5, stride: 1 }] },
      ],
      params: [],
      stores: [{ operand: 0, dtype: "float32", offset: 0, strides: [1], value: leaf("load", 1, "float32") }],
    }; // prettier-ignore
    const gathering = (index: BufferRef): Program => ({
      inputs: [{ shape: [4], dtype: "int32" }, vector],
      outputs: [vector],
      params: [],
      temporaries: [{ bytes: 12 }],
      steps: [
        ...(index.space === "temporary"
          ? [step({ ...gather, loads: gather.loads.slice(0, 1), stores: [{ ...gather.stores[0]!, dtype: "int32", value: leaf("load", 0, "int32") }] }, ref("input", 0, 1), index)]
          : []),
        { kernel: gather, inputs: [index, ref("input", 1)], outputs: [ref("output", 0)], params: [] },
      ],
    }); // prettier-ignore
    const index = filled(backend, Int32Array.of(9, 0, 7, 1));
    const [x, out] = [filled(backend, given), filled(backend, given)];
    const run = (one: Program) => backend.compileProgram!(one).run([index, x], [out], []);
    expect(() => run(gathering(ref("input", 0, 1)))).toThrow(
      "index 7 at position [1] is out of range for size 5",
    );
    expect(() => run(gathering(ref("temporary", 0)))).toThrow(
      "an index that a compiled program worked out is out of range",
    );
  });
});
