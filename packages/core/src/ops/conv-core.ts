// Convolution over any number of spatial axes, as three contractions: forward, gradient of the input,
// gradient of the weight. Each one's gradients are the other two. Public functions are in conv.ts.
import { apply } from "../apply.ts";
import type { ContractKernel, Load } from "../compiler/kernel.ts";
import { type WindowGeometry, inputCoordinates, outputCoordinates, windowLoad } from "../compiler/window.ts"; // prettier-ignore
import type { Description, OperandDescription, Operation } from "../operation.ts";
import { leaf, s } from "../scalar/instruction.ts";
import { contiguousStrides } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { primitive } from "./define.ts";
import { sum } from "./reduction.ts";

export interface Geometry extends WindowGeometry {
  readonly [name: string]: readonly number[] | number;
  readonly groups: number;
}

/** Which loop walks what; -1 where none does. Lists have one loop per spatial axis. */
interface Loops {
  readonly count: number;
  readonly group: number;
  readonly image: number;
  /** Channel inside the group, of the input and of the output. */
  readonly inChannel: number;
  readonly outChannel: number;
  readonly kernel: readonly number[];
  /** Position in the output (forward, weight gradient) or in the input (input gradient). */
  readonly place: readonly number[];
}

type Part = "group" | "image" | "inChannel" | "outChannel" | "kernel" | "place";

/** Numbers the loops in the order given, outermost first. */
function loopsInOrder(order: readonly Part[], spatial: number, groups: number): Loops {
  const position = { group: -1, image: -1, inChannel: -1, outChannel: -1 };
  const lists = { kernel: [] as number[], place: [] as number[] };
  let count = 0;
  for (const part of order) {
    if (part === "kernel" || part === "place") {
      for (let axis = 0; axis < spatial; axis++) lists[part].push(count++);
    } else if (part !== "group" || groups > 1) position[part] = count++;
  }
  return { count, ...position, ...lists };
}

/** Strides per loop from (loop, stride) pairs. */
function along(loops: Loops, steps: readonly (readonly [number, number])[]): number[] {
  const strides = new Array<number>(loops.count).fill(0);
  for (const [loop, stride] of steps) if (loop >= 0) strides[loop]! += stride;
  return strides;
}

const pairs = (list: readonly number[], strides: readonly number[]) =>
  list.map((loop, axis) => [loop, strides[axis]!] as const);

/** Strides over images and channels `[n, groups · channels, …]`. */
const overChannels = (
  loops: Loops,
  channel: number,
  perGroup: number,
  [image, step]: readonly number[],
) =>
  [
    [loops.image, image!],
    [loops.group, perGroup * step!],
    [channel, step!],
  ] as const;

/** Strides over a weight `[groups · out, in, kernel…]`. */
const overWeight = (loops: Loops, outPerGroup: number, strides: readonly number[]) =>
  [
    [loops.group, outPerGroup * strides[0]!],
    [loops.outChannel, strides[0]!],
    [loops.inChannel, strides[1]!],
    ...pairs(loops.kernel, strides.slice(2)),
  ] as const;

const biasLoad = (x: OperandDescription, loops: Loops, channel: number, perGroup: number): Load => {
  const [step] = x.layout.strides as [number];
  const strides = along(loops, [
    [loops.group, perGroup * step],
    [channel, step],
  ]);
  return { operand: 2, dtype: x.dtype, offset: 0, strides };
};

interface Factors {
  readonly geometry: Geometry;
  readonly order: readonly Part[];
  readonly images: number;
  /** Per group. */
  readonly outChannels: number;
  readonly inChannels: number;
  readonly place: readonly number[];
}

/** A contraction over the loops of `order`: the axes of m (one), of n and of k. */
function contract(
  { geometry: { groups, kernel }, order, images, outChannels, inChannels, place }: Factors,
  loads: readonly Load[],
  storeStrides: readonly number[],
): ContractKernel {
  const { dtype } = loads[0]!;
  const lengths = {
    group: groups > 1 ? [groups] : [],
    image: [images],
    outChannel: [outChannels],
    inChannel: [inChannels],
    kernel,
    place,
  };
  const total = leaf("state", 0, dtype);
  const value = loads.length > 2 ? s.add(total, leaf("load", 2, dtype)) : total;
  const wide = 1 + kernel.length;
  return {
    kind: "contract",
    axes: order.flatMap((part) => lengths[part]),
    groups: { batch: groups > 1 ? 1 : 0, m: 1, n: wide, k: wide },
    loads,
    params: [],
    stores: [{ operand: 0, dtype, offset: 0, strides: storeStrides, value }],
    accumulator: dtype,
  };
}

/**
 * Both contractions with the weight. They differ in which channel is summed (`from`) and which is
 * made (`to`), and in where windows lie.
 */
function contractWeight(
  [x, weight, bias]: readonly OperandDescription[],
  output: Description,
  geometry: Geometry,
  from: "inChannel" | "outChannel",
): ContractKernel {
  const { groups, kernel } = geometry;
  const isForward = from === "inChannel";
  const to = isForward ? "outChannel" : "inChannel";
  const order: readonly Part[] = ["group", to, "image", "place", from, "kernel"];
  const loops = loopsInOrder(order, kernel.length, groups);
  const [outChannels, inChannels] = [weight!.shape[0]! / groups, weight!.shape[1]!];
  const [summed, made] = isForward ? [inChannels, outChannels] : [outChannels, inChannels];
  const place = isForward ? geometry.output : geometry.input;
  const coordinates = isForward ? inputCoordinates(geometry) : outputCoordinates(geometry);
  const own = contiguousStrides(output.shape);
  const weightSteps = overWeight(loops, outChannels, weight!.layout.strides);
  const windowSteps = overChannels(loops, loops[from], summed, x!.layout.strides);
  return contract(
    { geometry, order, images: x!.shape[0]!, outChannels, inChannels, place },
    [
      { operand: 1, dtype: weight!.dtype, offset: 0, strides: along(loops, weightSteps) },
      windowLoad(0, x!, loops, along(loops, windowSteps), coordinates),
      ...(bias ? [biasLoad(bias, loops, loops[to], made)] : []),
    ],
    along(loops, [
      ...overChannels(loops, loops[to], made, own),
      ...pairs(loops.place, own.slice(2)),
    ]),
  );
}

const saveFactors = ([first, second]: readonly boolean[]) => ({
  inputs: [...(second ? [0] : []), ...(first ? [1] : [])],
});

const forwardOperation: Operation<Geometry> = /* @__PURE__ */ primitive({
  name: "conv",
  infer: ([x, weight], { output }) => [
    { shape: [x!.shape[0]!, weight!.shape[0]!, ...output], dtype: x!.dtype },
  ],
  lower: (inputs, geometry, [output]) => contractWeight(inputs, output!, geometry, "inChannel"),
  saves: saveFactors,
  gradient({ grads, needs, input, attributes }) {
    const grad = grads[0]!;
    return [
      needs[0] ? convInput(grad, input(1), undefined, attributes) : undefined,
      needs[1] ? convWeight(grad, input(0), attributes) : undefined,
      needs[2] ? biasGradient(grad) : undefined,
    ];
  },
});

const inputOperation: Operation<Geometry> = /* @__PURE__ */ primitive({
  name: "convInput",
  infer: ([grad, weight], { input, groups }) => [
    { shape: [grad!.shape[0]!, weight!.shape[1]! * groups, ...input], dtype: grad!.dtype },
  ],
  lower: (inputs, geometry, [output]) => contractWeight(inputs, output!, geometry, "outChannel"),
  saves: saveFactors,
  gradient({ grads, needs, input, attributes }) {
    const upstream = grads[0]!;
    return [
      needs[0] ? conv(upstream, input(1), undefined, attributes) : undefined,
      needs[1] ? convWeight(input(0), upstream, attributes) : undefined,
      needs[2] ? biasGradient(upstream) : undefined,
    ];
  },
});

const weightOperation: Operation<Geometry> = /* @__PURE__ */ primitive({
  name: "convWeight",
  infer: ([grad, x], { kernel, groups }) => [
    { shape: [grad!.shape[1]!, x!.shape[1]! / groups, ...kernel], dtype: grad!.dtype },
  ],
  lower([grad, x], geometry, [output]) {
    const order: readonly Part[] = ["group", "outChannel", "inChannel", "kernel", "image", "place"]; // prettier-ignore
    const loops = loopsInOrder(order, geometry.kernel.length, geometry.groups);
    const [outChannels, inChannels] = [output!.shape[0]! / geometry.groups, output!.shape[1]!];
    const gradStrides = grad!.layout.strides;
    const gradSteps = [
      ...overChannels(loops, loops.outChannel, outChannels, gradStrides),
      ...pairs(loops.place, gradStrides.slice(2)),
    ];
    const windowSteps = overChannels(loops, loops.inChannel, inChannels, x!.layout.strides);
    const own = contiguousStrides(output!.shape);
    return contract(
      { geometry, order, images: x!.shape[0]!, outChannels, inChannels, place: geometry.output },
      [
        { operand: 0, dtype: grad!.dtype, offset: 0, strides: along(loops, gradSteps) },
        windowLoad(1, x!, loops, along(loops, windowSteps), inputCoordinates(geometry)),
      ],
      along(loops, overWeight(loops, outChannels, own)),
    );
  },
  saves: saveFactors,
  gradient({ grads, needs, input, attributes }) {
    const upstream = grads[0]!;
    return [
      needs[0] ? conv(input(1), upstream, undefined, attributes) : undefined,
      needs[1] ? convInput(input(0), upstream, undefined, attributes) : undefined,
    ];
  },
});

/** Sum over everything but the channel: `[n, c, …] → [c]`. */
const biasGradient = (grad: Tensor): Tensor =>
  sum(
    grad,
    grad.shape.map((_, axis) => axis).filter((axis) => axis !== 1),
  );

const operands = (a: Tensor, b: Tensor, bias: Tensor | undefined): Tensor[] =>
  bias === undefined ? [a, b] : [a, b, bias];

/** x `[n, c, …]`, weight `[o, c / groups, …]`, bias `[o]` → `[n, o, …]`. */
export const conv = (
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  geometry: Geometry,
): Tensor => apply(forwardOperation, operands(x, weight, bias), geometry)[0]!;

/** grad `[n, o, …]`, weight `[o, c / groups, …]`, bias `[c]` → `[n, c, …]`: conv's transpose. */
export const convInput = (
  grad: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  geometry: Geometry,
): Tensor => apply(inputOperation, operands(grad, weight, bias), geometry)[0]!;

/** grad `[n, o, …]`, x `[n, c, …]` → `[o, c / groups, …]`. */
const convWeight = (grad: Tensor, x: Tensor, geometry: Geometry): Tensor =>
  apply(weightOperation, [grad, x], geometry)[0]!;
