// Attention taken whole by a device means what its parts mean.
import { expect, it } from "vitest";
import { grad } from "../autograd/backward.ts";
import { createReferenceBackend } from "../backends/reference.ts";
import type { Kernel } from "../compiler/kernel.ts";
import { vmap } from "../func/index.ts";
import { type Device, device, registerBackend } from "../runtime/device.ts";
import type { Tensor } from "../tensor.ts";
import { add, mul } from "./arithmetic.ts";
import { type AttentionOptions, scaledDotProductAttention as attention } from "./attention.ts";
import { cast } from "./cast.ts";
import { tensor } from "./creation.ts";
import { sum } from "./reduction.ts";
import { unbind } from "./split.ts";
import { permute, reshape, transpose } from "./view.ts";

/** Routines that ran on the device that takes attention whole. */
const ran: string[] = [];
registerBackend("whole", () => {
  const backend = createReferenceBackend();
  return {
    ...backend,
    name: "whole",
    routines: new Set(["attention", "attentionGradient"]),
    compile(kernel: Kernel) {
      const run = backend.compile(kernel);
      return (...given: Parameters<typeof run>) => {
        if (kernel.kind === "routine") ran.push(`${kernel.name} ${kernel.attributes?.join(" ")}`);
        run(...given);
      };
    },
  };
});

const wave = (on: Device, shape: readonly number[], phase: number, requiresGrad = true): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  const values = Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.7 + phase));
  return tensor(values, { shape, device: on, requiresGrad });
};

interface Case {
  readonly title: string;
  readonly query: readonly number[];
  readonly key: readonly number[];
  readonly value: readonly number[];
  readonly options?: (on: Device) => AttentionOptions;
  readonly attributes: string;
}

const truths = (on: Device, shape: readonly number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  // The first row is masked whole.
  const values = Uint8Array.from({ length: size }, (_, i) => Number(i >= shape.at(-1)! && i % 3 > 0)); // prettier-ignore
  return tensor([...values].map(Boolean), { shape, device: on });
};

const cases: Case[] = [
  { title: "plain", query: [2, 3, 4, 5], key: [2, 3, 6, 5], value: [2, 3, 6, 2], attributes: `${1 / Math.sqrt(5)} 0 0` },
  { title: "causal, 2-d", query: [4, 5], key: [4, 5], value: [4, 3], options: () => ({ causal: true, scale: 0.5 }), attributes: "0.5 1 0" },
  { title: "a bool mask for all heads", query: [2, 3, 4, 5], key: [2, 1, 6, 5], value: [6, 2], options: (on) => ({ scale: 1, mask: truths(on, [4, 6]) }), attributes: "1 0 1" },
  { title: "a bool mask per image", query: [2, 3, 4, 5], key: [2, 3, 6, 5], value: [2, 3, 6, 2], options: (on) => ({ scale: 1, mask: truths(on, [2, 1, 1, 6]) }), attributes: "1 0 1" },
  { title: "a float mask per head, many axes", query: [2, 1, 3, 4, 5], key: [2, 3, 6, 5], value: [2, 2, 3, 6, 2], options: (on) => ({ scale: 2, mask: wave(on, [3, 4, 6], 3, false) }), attributes: "2 0 2" },
  { title: "a mask with axes of its own", query: [4, 5], key: [6, 5], value: [6, 2], options: (on) => ({ scale: 1, mask: truths(on, [2, 4, 6]) }), attributes: "1 0 1" },
]; // prettier-ignore

/** Result and gradients, as numbers. */
function all(on: Device, { query, key, value, options }: Case): number[][] {
  const inputs = [wave(on, query, 0), wave(on, key, 1), wave(on, value, 2)] as const;
  const y = attention(...inputs, options?.(on) ?? {});
  const grads = grad(y, inputs, { gradOutputs: wave(on, y.shape, 4, false) });
  return [y, ...grads].map((t) => Array.from(t.dataSync(), Number));
}

it.each(cases)("$title", (one) => {
  ran.length = 0;
  const whole = all(device("whole"), one);
  const parts = all(device("reference"), one);
  expect(ran).toEqual([`attention ${one.attributes}`, `attentionGradient ${one.attributes}`]);
  whole.forEach((values, i) => {
    expect(values).toHaveLength(parts[i]!.length);
    values.forEach((x, j) => expect(x).toBeCloseTo(parts[i]![j]!, 5));
  });
});

it("has gradients of gradients", () => {
  const on = device("whole");
  const inputs = [wave(on, [2, 3], 0), wave(on, [3, 3], 1), wave(on, [3, 2], 2)] as const;
  const second = (a: readonly Tensor[]) => {
    const y = attention(a[0]!, a[1]!, a[2]!, { mask: truths(a[0]!.device, [2, 3]) });
    const grads = grad(sum(mul(y, y)), a, { createGraph: true });
    const total = grads.map((one) => sum(mul(one, one))).reduce((x, one) => add(x, one));
    return grad(total, a).map((one) => Array.from(one.dataSync(), Number));
  };
  const parts = inputs.map((x) => tensor(x.dataSync(), { shape: x.shape, device: device("reference"), requiresGrad: true })); // prettier-ignore
  const expected = second(parts);
  second(inputs).forEach((values, i) => {
    values.forEach((x, j) => expect(x).toBeCloseTo(expected[i]![j]!, 4));
  });
});

it("reads views of one tensor as they lie", () => {
  const pulled = (on: Device): number[][] => {
    const all = wave(on, [2, 4, 3, 2, 5], 0); // image, place, which, head, size
    const [q, k, v] = unbind(permute(all, [2, 0, 3, 1, 4])) as [Tensor, Tensor, Tensor];
    const y = attention(q, k, v, { causal: true });
    const joined = reshape(transpose(y, 1, 2), [2, 4, 10]);
    const grads = grad(joined, [all], { gradOutputs: wave(on, joined.shape, 4, false) });
    return [joined, ...grads].map((t) => Array.from(t.dataSync(), Number));
  };
  ran.length = 0;
  const [whole, parts] = [pulled(device("whole")), pulled(device("reference"))];
  expect(ran).toHaveLength(2);
  whole.forEach((values, i) => values.forEach((x, j) => expect(x).toBeCloseTo(parts[i]![j]!, 5)));
});

it("goes by parts where the kernel does not reach", () => {
  const on = device("whole");
  const [query, key] = [wave(on, [2, 3], 0), wave(on, [3, 3], 1)];
  ran.length = 0;
  attention(query, key, key, { mask: wave(on, [2, 3], 0) });
  attention(query, key, key, { mask: truths(on, [2, 3]), dropout: 0.5 });
  attention(cast(query, "float64"), cast(key, "float64"), cast(key, "float64"));
  attention(wave(on, [1, 3], 0), key, key, { mask: truths(on, [2, 3]) });
  expect(vmap((q: Tensor) => attention(q, key, key))(wave(on, [4, 2, 3], 0)).shape).toEqual([
    4, 2, 3,
  ]);
  expect(ran).toEqual([]);
});
